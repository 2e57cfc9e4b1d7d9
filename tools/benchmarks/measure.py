"""Time, memory, and tables of results."""

import os
import platform
import statistics
import weakref
from collections.abc import Callable, Iterable, Sequence

import torch
from rich import box
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.benchmark import Timer


def median_seconds(calls: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Median time of each call. The calls take turns, so a busy machine slows all of them."""
    threads = torch.get_num_threads()
    timers = {
        name: Timer("call()", globals={"call": call}, num_threads=threads)
        for name, call in calls.items()
    }
    seconds = {name: [] for name in calls}
    for _ in range(repeats):
        for name, timer in timers.items():
            seconds[name].append(timer.timeit(1).median)
    return {name: statistics.median(values) for name, values in seconds.items()}


class PeakAllocations(TorchDispatchMode):
    """Context manager; `bytes` is the most that tensors created inside hold at any time. Unlike the
    memory of the process, it is the same in every run."""

    def __init__(self, inputs: Iterable[Tensor] = ()):
        """`inputs`: tensors whose memory does not count."""
        super().__init__()
        self.bytes = 0
        self._now = 0
        self._alive = {x.untyped_storage()._cdata: 0 for x in inputs}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for x in tree_leaves(result):
            if isinstance(x, Tensor):
                self._add(x.untyped_storage())
        return result

    def _add(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key not in self._alive:
            self._alive[key] = size
            self._now += size
            self.bytes = max(self.bytes, self._now)
            weakref.finalize(storage, self._free, key)

    def _free(self, key: int) -> None:
        self._now -= self._alive.pop(key)


def ms(seconds: float) -> str:
    return f"{1e3 * seconds:,.{0 if seconds >= 0.1 else 1}f} ms"


def mib(num_bytes: float) -> str:
    return f"{num_bytes / 2**20:,.0f} MiB"


def print_table(title: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """As Markdown."""
    table = Table(box=box.MARKDOWN)
    for k, name in enumerate(header):
        table.add_column(name, justify="right" if k else "left")
    for row in rows:
        table.add_row(*row)
    print(f"\n{title}")
    Console(width=200).print(table)


def describe_machine(device: torch.device) -> str:
    """Processor or GPU, threads and versions in one line."""
    name = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as file:
            names = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
        name = next(iter(names), name)
    if device.type == "cuda":
        name = f"{torch.cuda.get_device_name(device)}, {name}"
    return (
        f"{name}; {torch.get_num_threads()} threads, torch {torch.__version__}, "
        f"Python {platform.python_version()}"
    )
