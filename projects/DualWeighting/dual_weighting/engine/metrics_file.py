"""metrics.json of a run: one line of JSON a logged iteration."""

import json
import os
from pathlib import Path

from dual_weighting.checkpoint.atomic_file import atomic_file
from dual_weighting.data.value_types import is_whole


def cut_metrics(metrics_json: str | Path, *, start_iter: int) -> None:
    """Drop the lines from iteration `start_iter` on, which a resumed run will write again.

    A line that a killed run left incomplete is dropped too. Does nothing without a file.
    """
    path = Path(metrics_json)
    if not path.is_file():
        return
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    with atomic_file(path, "w") as file:
        file.writelines(line for line in lines if _iteration(line) < start_iter)


def metric_values(metrics_json: str | Path, name: str) -> list[float]:
    """The values of the metric `name`, in the order of their iterations; none without a file."""
    path = Path(metrics_json)
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    rows = [json.loads(line) for line in lines if _iteration(line) < float("inf")]
    return [row[name] for row in sorted(rows, key=lambda r: r["iteration"]) if name in row]


def put_aside(path: str | Path) -> bool:
    """Rename the file at `path` to `path`.bak; whether there was one."""
    if not os.path.isfile(path):
        return False
    os.replace(path, f"{path}.bak")
    return True


def _iteration(line: str) -> float:
    """The iteration of a complete line, infinity for an incomplete one."""
    try:
        iteration = json.loads(line)["iteration"] if line.endswith("\n") else None
    except (ValueError, LookupError, RecursionError, TypeError):
        iteration = None
    return iteration if is_whole(iteration) else float("inf")
