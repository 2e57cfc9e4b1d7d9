"""Progress of long loops: a bar on a terminal, occasional lines elsewhere."""

import sys
import time
from collections.abc import Iterator, Sequence
from typing import TypeVar

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn, track

Item = TypeVar("Item")


def with_progress(items: Sequence[Item], *, description: str, num_lines: int = 4) -> Iterator[Item]:
    """Iterate over the items and report progress on stderr.

    Args:
        num_lines: lines to print if stderr is not a terminal.
    """
    if sys.stderr.isatty():
        console = Console(stderr=True)
        yield from track(items, description=escape(description), console=console)
        return
    reports = {len(items) * line // num_lines for line in range(1, num_lines + 1)}
    for done, item in enumerate(items, start=1):
        yield item
        if done in reports:
            print(f"{description}: {done} of {len(items)}", file=sys.stderr, flush=True)


LINE_PERIOD = 10.0  # seconds between lines if stderr is not a terminal


class Throughput:
    """Context manager that counts images and reports their number and rate on stderr.

    Attributes:
        count: images so far.
        seconds: time since the start.
    """

    def __init__(self, total: int | None, *, description: str = "Images") -> None:
        """`total`: number of images, or None if unknown."""
        self.total, self.description = total, description
        self.count = 0
        self._bar: Progress | None = None

    def __enter__(self) -> "Throughput":
        self._start = self._last_line = time.monotonic()
        if sys.stderr.isatty():
            columns = ("{task.description}", BarColumn(), "{task.completed}", "{task.fields[rate]}")
            self._bar = Progress(
                *(TextColumn(x) if isinstance(x, str) else x for x in columns),
                TimeRemainingColumn(),
                console=Console(stderr=True),
            )
            self._task = self._bar.add_task(self.description, total=self.total, rate="")
            self._bar.start()
        return self

    def __exit__(self, *_) -> None:
        if self._bar is not None:
            self._bar.stop()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._start

    @property
    def rate(self) -> str:
        return f"{self.count / max(self.seconds, 1e-9):.1f} images a second"

    def add(self, count: int) -> None:
        """Count more images as done."""
        self.count += count
        if self._bar is not None:
            self._bar.update(self._task, advance=count, rate=self.rate)
        elif time.monotonic() - self._last_line > LINE_PERIOD:
            self._last_line = time.monotonic()
            of = f" of {self.total}" if self.total else ""
            print(f"{self.description}: {self.count}{of}, {self.rate}", file=sys.stderr, flush=True)
