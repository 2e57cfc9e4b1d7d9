"""How long hypothesis looks: as short as a test suite wants it, or, in search of rare cases,

HYPOTHESIS_PROFILE=thorough pytest tests/fuzz
"""

import os

from hypothesis import HealthCheck, settings

SLOW_MACHINE = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]

# The same examples each time, and no files of examples.
settings.register_profile(
    "suite",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=20,
    suppress_health_check=SLOW_MACHINE,
)
settings.register_profile(
    "thorough",
    database=None,
    deadline=None,
    max_examples=1000,
    print_blob=True,
    suppress_health_check=SLOW_MACHINE,
)
settings.load_profile(os.getenv("HYPOTHESIS_PROFILE", "suite"))
