"""metrics.json of a run: one line of JSON a logged iteration."""

import json
import os
from collections import defaultdict
from pathlib import Path

from detectron2.utils.events import EventWriter, get_event_storage

from dual_weighting.checkpoint.atomic_file import atomic_file
from dual_weighting.data.value_types import is_whole


class MetricsWriter(EventWriter):
    """Appends the scalars since the last time, with the lines in the order of their iterations.

    Detectron2's JSONWriter has them in another where a scalar was not put in every iteration.
    """

    def __init__(self, metrics_json: str | Path, window_size: int = 20) -> None:
        """`window_size`: iterations of which scalars that ask for it are the median."""
        self._file = open(metrics_json, "a", encoding="utf-8")  # noqa: SIM115
        self._window_size = window_size
        self._last_write = -1

    def write(self) -> None:
        rows: defaultdict[int, dict] = defaultdict(dict)
        latest = get_event_storage().latest_with_smoothing_hint(self._window_size)
        for name, (value, iteration) in latest.items():
            if iteration > self._last_write:
                rows[iteration][name] = value
        for iteration, row in sorted(rows.items()):
            line = json.dumps({**row, "iteration": iteration}, sort_keys=True)
            self._file.write(f"{line}\n")
            self._last_write = iteration
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


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
