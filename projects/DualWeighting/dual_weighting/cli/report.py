"""Write the report of a run anew, or compare several runs.

    python tools/report.py output/dw
    python tools/report.py output/dw output/o2f --output output/dw_and_o2f.html

Each folder gets its report.html, as at the end of a training; of several runs a comparison is
written as well. Both are single files, which need no network.
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
        help="of the comparison (default: output/comparison.html); with one RUN, of its report "
        "(default: report.html in its folder)",
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of errors")
    return parser.parse_args()


def report_command(args: argparse.Namespace) -> None:
    """Write the report of each run of the command line, and of several a comparison."""
    from dual_weighting.comparison.html import write_comparison
    from dual_weighting.report import RunFiles, write_report

    folders = list(dict.fromkeys(Path(run) for run in args.runs))
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"There is no folder {folder}: give the output folder of a training.")
    if args.output is not None and args.output.is_dir():
        raise UserError(f"--output {args.output} is a folder: name a file, such as report.html.")
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
