"""Write the report of a run anew, or compare several runs.

    python tools/report.py output/dw
    python tools/report.py output/dw output/o2f --output output/dw_and_o2f.html

Each folder gets its report.html, as at the end of a training; of several runs a comparison is
written as well. Both are single files, which need no network.
"""

import argparse
from pathlib import Path

import dual_weighting.engine  # noqa: F401  first, because it silences Detectron2's deprecations
from dual_weighting.engine.command import run_command
from dual_weighting.engine.report import report_command


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="+", metavar="RUN", help="output folder of a training")
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="of the comparison (default: output/comparison.html); with one RUN, of its report "
        "(default: report.html in its folder)",
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of errors")
    return parser.parse_args()


if __name__ == "__main__":
    run_command(report_command, parse_arguments())
