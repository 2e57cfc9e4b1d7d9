"""What tools/benchmark.py measures: one module per command, and what they share in `measure`."""

import dual_weighting.engine  # noqa: F401  first, because it silences Detectron2's deprecations
