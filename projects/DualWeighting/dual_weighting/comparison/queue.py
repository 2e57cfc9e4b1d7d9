"""Executes the runs of a comparison, several at a time."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from dual_weighting.comparison.runs import Run
from dual_weighting.engine.signals import handled


def run_all(
    runs: Sequence[Run], *, command: Sequence[str], num_jobs: int, poll_seconds: float = 1.0
) -> list[Run]:
    """Execute the unfinished runs, `num_jobs` at a time, and return those that failed.

    A signal stops all processes; calling this again resumes them.

    Args:
        command: the training command, with the options of tools/train_net.py.
    """
    waiting = [run for run in runs if not run.is_done()]
    num_threads = max((os.cpu_count() or 1) // num_jobs, 1)
    free_slots = list(range(num_jobs))
    running: dict[Run, tuple[int, subprocess.Popen]] = {}
    failed: list[Run] = []
    with handled(_exit), _progress(runs) as report:
        try:
            while waiting or running:
                while waiting and free_slots:
                    run, slot = waiting.pop(0), free_slots.pop(0)
                    process = run.start(
                        command,
                        slot=slot,
                        num_threads=num_threads,
                        num_gpus=torch.cuda.device_count(),
                    )
                    running[run] = slot, process
                time.sleep(poll_seconds)
                for run, (slot, process) in list(running.items()):
                    if process.poll() is not None:
                        del running[run]
                        free_slots.append(slot)
                        if process.returncode or not run.is_done():
                            failed.append(run)
                report(list(running))
        finally:
            for _, process in running.values():
                process.terminate()
            for _, process in running.values():
                process.wait()
    return failed


def _exit(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


@contextlib.contextmanager
def _progress(runs: Sequence[Run]) -> Iterator:
    """A callback for the active runs: progress bars on a terminal, lines elsewhere."""
    if not sys.stderr.isatty():
        yield _Lines(runs)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bars:
        whole = bars.add_task("all iterations", total=sum(run.num_iter for run in runs))
        tasks = {}

        def report(running: list[Run]) -> None:
            for run in [run for run in tasks if run not in running]:
                bars.remove_task(tasks.pop(run))
            for run in running:
                if run not in tasks:
                    tasks[run] = bars.add_task(f"{run.name}, seed {run.seed}", total=run.num_iter)
                bars.update(tasks[run], completed=run.iteration())
            bars.update(whole, completed=sum(run.iteration() for run in runs))

        yield report


class _Lines:
    """Prints a line when a run starts or ends."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self.runs = runs
        self.running: list[Run] = []

    def __call__(self, running: list[Run]) -> None:
        for run in running:
            if run not in self.running:
                print(f"{run.name}, seed {run.seed}: log in {run.log_file}", file=sys.stderr)
        for run in self.running:
            if run not in running:
                done = sum(run.is_done() for run in self.runs)
                end = "done" if run.is_done() else "failed"
                print(
                    f"{run.name}, seed {run.seed}: {end}, {done} of {len(self.runs)} runs",
                    file=sys.stderr,
                    flush=True,
                )
        self.running = running
