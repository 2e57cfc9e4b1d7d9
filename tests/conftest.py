"""Hypothesis: fresh examples in every run; a failure prints a blob that reproduces it.

HYPOTHESIS_PROFILE=thorough pytest tests/fuzz searches much longer.
"""

import os

from hypothesis import HealthCheck, settings

COMMON = {
    "derandomize": False,
    "database": None,  # no files of examples
    "deadline": None,
    "print_blob": True,  # @reproduce_failure(...)
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
}
settings.register_profile("suite", max_examples=8, **COMMON)
settings.register_profile("thorough", max_examples=1000, **COMMON)
settings.load_profile(os.getenv("HYPOTHESIS_PROFILE", "suite"))
