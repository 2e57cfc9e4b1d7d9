"""What tools/report.py does: reports of runs anew, and one that compares them."""

import argparse
from pathlib import Path

from dual_weighting.engine.config import check_sections, load_config
from dual_weighting.engine.run_folder import config_of_run
from dual_weighting.errors import UserError


def report_command(args: argparse.Namespace) -> None:
    """Write the report of each run of the command line, and of several a comparison."""
    from dual_weighting.report import RunFiles, write_comparison, write_report

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
