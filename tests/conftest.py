"""How long hypothesis looks: as short as a test suite wants it, or, in search of rare cases,

HYPOTHESIS_PROFILE=thorough pytest tests/fuzz
"""

import os

from hypothesis import HealthCheck, settings

COMMON = {
    "database": None,  # no files of examples
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
}
settings.register_profile("suite", derandomize=True, max_examples=8, **COMMON)
settings.register_profile("thorough", max_examples=1000, print_blob=True, **COMMON)
settings.load_profile(os.getenv("HYPOTHESIS_PROFILE", "suite"))
