"""The commands, one module each."""

import dual_weighting.engine  # noqa: F401  first, because it silences Detectron2's deprecations
