"""The table of a comparison: mean and standard deviation over seeds for each config."""

import csv
import io
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from tabulate import tabulate

from dual_weighting.comparison.intervals import Interval
from dual_weighting.comparison.runs import Run
from dual_weighting.report.run import Missing, read_evaluation, read_metrics, without_classes
from dual_weighting.utils.errors import UserError

BOX_METRICS = ("AP", "AP50", "AP75", "APs", "APm", "APl")
LAST_PART = 0.1  # of the training, over which the assignment is averaged


@dataclass(frozen=True)
class Column:
    """A measured quantity.

    Attributes:
        key: column name in the CSV file.
        title: column title in the Markdown table.
        digits: decimal places.
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
    """The measurements of a finished run, by column; missing ones are left out.

    Raises:
        UserError: its files are damaged.
    """
    try:
        metrics = read_metrics(run.folder / "metrics.json")
        evaluation = read_evaluation(run.folder / "evaluation.json")
        boxes = without_classes(evaluation["bbox"])
        numbers = {key: boxes.get(key, math.nan) for key in BOX_METRICS}
        ap = boxes["AP"]
    except (Missing, KeyError) as error:
        raise UserError(
            f"metrics.json or evaluation.json in {run.folder} is damaged ({error}): delete the "
            "folder to train again."
        ) from error
    if math.isnan(ap):  # no detections, which count in the mean over seeds
        numbers |= dict.fromkeys(("AP", "AP50", "AP75"), 0.0)
    if duplicates := evaluation.get("duplicates"):
        numbers["AP_without_nms"] = duplicates["without_nms"]["AP"]
        numbers["nms_gap"] = duplicates["with_nms"]["AP"] - duplicates["without_nms"]["AP"]
    for key in ("positives_per_gt", "soft_positives_per_gt"):
        iterations, values = metrics.get(f"assignment/{key}", (np.zeros(0), np.zeros(0)))
        last = values[iterations + 1 > (1 - LAST_PART) * run.num_iter]
        if len(last):
            numbers[key] = float(last.mean())
    if "time" in metrics:
        numbers["step_ms"] = 1e3 * float(np.median(metrics["time"][1]))
    if "peak_memory_mib" in metrics:
        numbers["peak_memory_mib"] = float(metrics["peak_memory_mib"][1].max())
    return numbers


def rows_of(runs: Sequence[Run]) -> dict[str, list[dict[str, float]]]:
    """Measurements of the finished runs of each config, best mean AP first."""
    rows: dict[str, list[dict[str, float]]] = {}
    for run in runs:
        if run.is_done():
            rows.setdefault(run.name, []).append(numbers_of(run))
    order = sorted(rows, key=lambda name: -mean_and_deviation(rows[name], "AP")[0])
    return {name: rows[name] for name in order}


def mean_and_deviation(numbers: Sequence[dict[str, float]], key: str) -> tuple[float, float]:
    """Mean and sample standard deviation; NaN if a run has no value, or there is only one run."""
    values = [row.get(key, math.nan) for row in numbers]
    if not all(map(math.isfinite, values)):
        return math.nan, math.nan
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else math.nan


def markdown(
    rows: dict[str, list[dict[str, float]]], changes: Mapping[str, Interval] | None = None
) -> str:
    """A Markdown table of the columns that have values. `changes`: differences in AP from the first
    config to each of the others."""
    columns = [
        column
        for column in COLUMNS
        if any(math.isfinite(mean_and_deviation(row, column.key)[0]) for row in rows.values())
    ]
    heads = ["config", "seeds", *(column.title for column in columns)]
    table = [
        [name.replace("|", "\\|"), len(numbers), *(_cell(numbers, column) for column in columns)]
        for name, numbers in rows.items()
    ]
    if changes:
        heads.append("change of AP [95%]")
        for name, row in zip(rows, table, strict=True):
            row.append(str(changes.get(name, "-")))
    align = ("left", *["right"] * (len(heads) - 1))
    return tabulate(table, heads, tablefmt="pipe", colalign=align, disable_numparse=True) + "\n"


def _cell(numbers: Sequence[dict[str, float]], column: Column) -> str:
    mean, deviation = mean_and_deviation(numbers, column.key)
    if math.isnan(mean):
        return "-"
    spread = "" if math.isnan(deviation) else f" ± {deviation:.{column.digits}f}"
    return f"{mean:.{column.digits}f}{spread}"


def comma_separated(rows: dict[str, list[dict[str, float]]]) -> str:
    """A CSV table with means and deviations in full precision."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    keys = [column.key for column in COLUMNS]
    writer.writerow(["config", "seeds", *(f"{key}{end}" for key in keys for end in ("", "_std"))])
    for name, numbers in rows.items():
        values = [value for key in keys for value in mean_and_deviation(numbers, key)]
        writer.writerow([name, len(numbers), *values])
    return text.getvalue()
