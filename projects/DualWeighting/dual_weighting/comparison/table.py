"""The table of a comparison: one row a config, mean and standard deviation over its seeds."""

import csv
import io
import json
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from tabulate import tabulate

from dual_weighting.comparison.runs import Run
from dual_weighting.utils.errors import UserError

BOX_METRICS = ("AP", "AP50", "AP75", "APs", "APm", "APl")
LAST_PART = 0.1  # of the training, over which the assignment is averaged


@dataclass(frozen=True)
class Column:
    """A measured quantity.

    Attributes:
        key: of the CSV file.
        title: of the Markdown table.
        digits: behind the point.
    """

    key: str
    title: str
    digits: int


COLUMNS = (
    *(Column(key, key, 1) for key in BOX_METRICS),
    Column("AP_without_nms", "AP without NMS", 1),
    Column("nms_gap", "lost without NMS", 1),
    Column("positives_per_gt", "positives / object", 1),
    Column("soft_positives_per_gt", "soft / object", 1),
    Column("step_ms", "ms / step", 0),
    Column("peak_memory_mib", "peak MiB", 0),
)


def numbers_of(run: Run) -> dict[str, float]:
    """What a finished run measured, by column; what it did not measure is missing.

    Raises:
        UserError: its files are damaged.
    """
    try:
        return measured(run)
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise UserError(
            f"metrics.json or evaluation.json of {run.folder} is damaged ({error}); delete the "
            "folder to train again."
        ) from error


def measured(run: Run) -> dict[str, float]:
    evaluation = json.loads((run.folder / "evaluation.json").read_text())
    numbers = {key: evaluation["bbox"].get(key, math.nan) for key in BOX_METRICS}
    if math.isnan(numbers["AP"]):  # nothing was detected, which counts in a mean over seeds
        numbers |= dict.fromkeys(("AP", "AP50", "AP75"), 0.0)
    duplicates = evaluation.get("duplicates")
    if duplicates:
        numbers["AP_without_nms"] = duplicates["without_nms"]["AP"]
        numbers["nms_gap"] = duplicates["with_nms"]["AP"] - duplicates["without_nms"]["AP"]
    lines = [json.loads(line) for line in (run.folder / "metrics.json").read_text().splitlines()]
    steps = [line for line in lines if "time" in line]
    last = [line for line in steps if line["iteration"] + 1 > (1 - LAST_PART) * run.num_iter]
    for key in ("positives_per_gt", "soft_positives_per_gt"):
        values = [line[name] for line in last if (name := f"assignment/{key}") in line]
        if values:
            numbers[key] = statistics.mean(values)
    if steps:
        numbers["step_ms"] = 1e3 * statistics.median(line["time"] for line in steps)
    memory = [line["peak_memory_mib"] for line in lines if "peak_memory_mib" in line]
    if memory:
        numbers["peak_memory_mib"] = max(memory)
    return numbers


def rows_of(runs: Sequence[Run]) -> dict[str, list[dict[str, float]]]:
    """The numbers of the finished runs of each config, best mean AP first."""
    rows: dict[str, list[dict[str, float]]] = {}
    for run in runs:
        if run.is_done():
            rows.setdefault(run.name, []).append(numbers_of(run))
    order = sorted(rows, key=lambda name: -mean_and_deviation(rows[name], "AP")[0])
    return {name: rows[name] for name in order}


def mean_and_deviation(numbers: Sequence[dict[str, float]], key: str) -> tuple[float, float]:
    """Mean and sample standard deviation; NaN where a run has no value, or there is only one."""
    values = [row.get(key, math.nan) for row in numbers]
    if not all(map(math.isfinite, values)):
        return math.nan, math.nan
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else math.nan


def markdown(rows: dict[str, list[dict[str, float]]]) -> str:
    """Only the columns for which some config has a value."""
    columns = [
        column
        for column in COLUMNS
        if any(math.isfinite(mean_and_deviation(row, column.key)[0]) for row in rows.values())
    ]
    table = [
        [name.replace("|", "\\|"), len(numbers), *(_cell(numbers, column) for column in columns)]
        for name, numbers in rows.items()
    ]
    heads = ["config", "seeds", *(column.title for column in columns)]
    align = ("left", *["right"] * (len(heads) - 1))
    return tabulate(table, heads, tablefmt="pipe", colalign=align, disable_numparse=True) + "\n"


def _cell(numbers: Sequence[dict[str, float]], column: Column) -> str:
    mean, deviation = mean_and_deviation(numbers, column.key)
    if math.isnan(mean):
        return "-"
    spread = "" if math.isnan(deviation) else f" ± {deviation:.{column.digits}f}"
    return f"{mean:.{column.digits}f}{spread}"


def comma_separated(rows: dict[str, list[dict[str, float]]]) -> str:
    """Mean and deviation of every column in full precision."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    keys = [column.key for column in COLUMNS]
    writer.writerow(["config", "seeds", *(f"{key}{end}" for key in keys for end in ("", "_std"))])
    for name, numbers in rows.items():
        values = [value for key in keys for value in mean_and_deviation(numbers, key)]
        writer.writerow([name, len(numbers), *values])
    return text.getvalue()
