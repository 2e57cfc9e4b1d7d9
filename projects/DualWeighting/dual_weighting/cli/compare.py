"""Train configs with several seeds, and write a table, a figure and a page.

    python tools/compare.py --configs configs/Digits/dw_R_18_FPN.py configs/Digits/fcos_R_18_FPN.py
    python tools/compare.py --configs A.py B.py --seeds 1 2 3 --jobs 2 train.max_iter=1000

Running the command again continues interrupted runs and skips finished ones. Trailing key=value
arguments apply to every config.
"""

import argparse
import sys
from pathlib import Path

from dual_weighting.cli.command import run_command
from dual_weighting.comparison.html import write_comparison
from dual_weighting.comparison.intervals import Interval, mean_interval, paired_interval
from dual_weighting.comparison.queue import run_all
from dual_weighting.comparison.runs import Run, plan_runs
from dual_weighting.comparison.table import comma_separated, markdown, rows_of
from dual_weighting.config.load import load_config
from dual_weighting.report import RunFiles
from dual_weighting.utils.errors import UserError
from dual_weighting.visualization.charts import figure_of
from dual_weighting.visualization.curves import seeds_chart


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--configs", nargs="+", required=True, metavar="FILE")
    parser.add_argument("--seeds", nargs="+", default=["1", "2", "3"], metavar="S")
    parser.add_argument("--output", type=Path, default=Path("output/compare"), metavar="DIR")
    parser.add_argument("--jobs", type=int, default=1, help="runs at once (default: 1)")
    parser.add_argument(
        "--table-only",
        action="store_true",
        help="only write the results of finished runs, without training",
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of user errors")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    return parser


def compare(args: argparse.Namespace) -> None:
    if args.jobs < 1:
        raise UserError(f"--jobs {args.jobs} must be at least 1.")
    # argparse takes overrides that stand behind a list for more of the list.
    listed = [*args.configs, *args.seeds]
    overrides = [text for text in listed if "=" in text] + args.overrides
    configs = [text for text in args.configs if "=" not in text]
    seeds = [seed_of(text) for text in args.seeds if "=" not in text]
    runs = plan_runs(configs, seeds, overrides, args.output)
    train_net = [sys.executable, "-m", "dual_weighting.cli", "train"]
    failed = [] if args.table_only else run_all(runs, command=train_net, num_jobs=args.jobs)
    write_results(runs, args.output)
    if failed:
        words = "; ".join(f"{run.log_file}: {run.last_words()}" for run in failed)
        raise UserError(
            f"{len(failed)} of {len(runs)} runs failed; fix the cause and run again: {words}"
        )


def seed_of(text: str) -> int:
    """Parse a seed."""
    if not text.isdecimal():
        raise UserError(f"The seed {text} must be a whole number, 0 or more.")
    return int(text)


def write_results(runs: list[Run], output_dir: Path) -> None:
    """Write comparison.md, .csv, .png and .html of the finished runs."""
    rows = rows_of(runs)
    if not rows:
        return
    done = {(run.name, run.seed): files_of(run) for run in runs if run.is_done()}
    table = markdown(rows, changes_of(done, first=runs[0].name))
    (output_dir / "comparison.md").write_text(table, encoding="utf-8")
    (output_dir / "comparison.csv").write_text(comma_separated(rows), encoding="utf-8")
    curves: dict[str, list] = {}
    for (name, _), files in done.items():
        if "bbox/AP" in files.metrics:
            curves.setdefault(name, []).append(files.metrics["bbox/AP"])
    figure_of([seeds_chart(curves)], size=(8, 5)).savefig(output_dir / "comparison.png")
    write_comparison(list(done.values()), output_dir / "comparison.html")
    print(table)
    for ending in ("md", "csv", "png", "html"):
        print(output_dir / f"comparison.{ending}")


def files_of(run: Run) -> RunFiles:
    return RunFiles(load_config(run.config_file, run.overrides), run.folder)


def changes_of(done: dict[tuple[str, int], RunFiles], *, first: str) -> dict[str, Interval]:
    """Differences in AP from the config `first` to each of the others, over common seeds."""
    pairs: dict[str, list[Interval]] = {}
    for (name, seed), files in done.items():
        if name != first and (first, seed) in done:
            pairs.setdefault(name, []).append(paired_interval(done[first, seed], files))
    return {name: mean_interval(intervals) for name, intervals in pairs.items()}


def main() -> None:
    run_command(compare, parser().parse_args())
