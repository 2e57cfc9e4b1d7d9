"""Write the report of a run, or compare several runs.

    python tools/report.py output/dw
    python tools/report.py output/dw output/o2f --output output/dw_and_o2f.html

Each folder gets a report.html, as at the end of training. For several runs, a comparison is
written, too. Both are single, self-contained files.
"""

import argparse
from pathlib import Path

from dual_weighting.cli.command import run_command
from dual_weighting.config.load import check_sections, load_config
from dual_weighting.engine.run_folder import config_of_run
from dual_weighting.utils.errors import UserError


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="+", metavar="RUN", help="output folder of a training")
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="file of the comparison (default: output/comparison.html) or, with one RUN, of its "
        "report (default: report.html in its folder)",
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of user errors")
    return parser.parse_args()


def report_command(args: argparse.Namespace) -> None:
    """Write a report for each run and, for several runs, a comparison."""
    from dual_weighting.comparison.html import write_comparison
    from dual_weighting.report import RunFiles, write_report

    folders = list(dict.fromkeys(Path(run) for run in args.runs))
    for folder in folders:
        if not folder.is_dir():
            raise UserError(
                f"The folder {folder} does not exist: give the output folder of a training."
            )
    if args.output is not None and args.output.is_dir():
        raise UserError(f"--output {args.output} is a folder: give a file, such as report.html.")
    runs = []
    for folder in folders:
        file = config_of_run(folder)
        cfg = load_config(file)
        check_sections(cfg, file)
        runs.append(RunFiles(cfg, folder))
    for run in runs:
        print(f"Report: {write_report(run, args.output if len(runs) == 1 else None)}", flush=True)
    if len(runs) > 1:
        file = args.output or Path("output", "comparison.html")
        print(f"Comparison: {write_comparison(runs, file)}")


def main() -> None:
    run_command(report_command, parse_arguments())
