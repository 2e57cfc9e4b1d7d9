"""The commands: a module each, with its arguments and what they call."""

import dual_weighting.engine  # noqa: F401  first, because it silences Detectron2's deprecations
