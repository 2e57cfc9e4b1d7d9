"""What tools/benchmark.py measures. Every section of its page is a module with

HEADING             of the section
QUICK               other defaults of `run`, for a trial of seconds
run(**options)      measure; what is found, as JSON has it
table(result)       the section's text and tables, in Markdown
figure(result, folder), where there is a picture
"""

import dual_weighting.engine  # noqa: F401  first, because it silences Detectron2's deprecations
