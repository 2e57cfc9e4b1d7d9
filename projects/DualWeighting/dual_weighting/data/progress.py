"""How far a long loop is: a bar on a terminal, a line now and then elsewhere."""

import sys
from collections.abc import Iterator, Sequence
from typing import TypeVar

from rich.console import Console
from rich.markup import escape
from rich.progress import track

Item = TypeVar("Item")


def with_progress(items: Sequence[Item], *, description: str, num_lines: int = 4) -> Iterator[Item]:
    """The items, reported on stderr as they are asked for.

    `num_lines`: how many lines are printed where no bar can be drawn.
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
