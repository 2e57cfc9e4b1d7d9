"""The progress bar of training."""

import logging
import os
import sys
import time
from datetime import timedelta

from detectron2.engine import HookBase
from detectron2.utils.events import EventStorage

PLAIN_LINES = "detectron2.utils.events"  # logger of Detectron2's CommonMetricPrinter
REFRESH = 0.25  # seconds


def on_terminal() -> bool:
    """Whether stdout is a terminal that can move its cursor."""
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"


class ProgressBar(HookBase):
    """A progress bar with losses, rate and remaining time, in place of log lines on a terminal.

    The lines still go to log.txt, and other log messages are printed above the bar. Register it
    first, so that it closes before the final evaluation prints its tables.
    """

    def before_train(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn

        self._progress = _with_losses()(
            TextColumn("Training"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[pace]}"),
            console=Console(),
            expand=True,
            refresh_per_second=1 / REFRESH,
        )
        stdout = sys.stdout
        self._progress.start()  # from now on, sys.stdout prints above the bar
        self._handlers = console_handlers(stdout)
        for handler in self._handlers:
            handler.setStream(sys.stdout)
            handler.addFilter(_no_plain_line)
        self._stdout = stdout
        self._shown = 0.0
        self._task = self._progress.add_task(
            "", total=self.trainer.max_iter, completed=self.trainer.start_iter, pace=""
        )

    def after_step(self) -> None:
        done, now = self.trainer.iter + 1, time.monotonic()
        if now - self._shown < REFRESH and done < self.trainer.max_iter:
            return
        self._shown = now
        storage = self.trainer.storage
        self._progress.losses = losses_line(storage)
        pace = pace_line(storage, left=self.trainer.max_iter - done)
        self._progress.update(self._task, completed=done, pace=pace)

    def after_train(self) -> None:
        self._progress.stop()
        for handler in self._handlers:
            handler.setStream(self._stdout)
            handler.removeFilter(_no_plain_line)


def console_handlers(stream: object) -> list[logging.StreamHandler]:
    """The handlers of all loggers that write to `stream`."""
    loggers = [logging.getLogger(), *logging.Logger.manager.loggerDict.values()]
    handlers = [h for logger in loggers for h in getattr(logger, "handlers", ())]
    return [h for h in handlers if getattr(h, "stream", None) is stream]


def pace_line(storage: EventStorage, *, left: int) -> str:
    """Rate and time for `left` more iterations, from the median of recent ones."""
    if "time" not in storage.histories():
        return ""  # unknown in the first iterations
    seconds = storage.history("time").median(1000)
    rate = f"{1 / seconds:.1f} it/s" if seconds < 1 else f"{seconds:.1f} s/it"
    return f"{rate}  eta {timedelta(seconds=int(seconds * left))}"


def losses_line(storage: EventStorage) -> str:
    """Losses, as medians of the last 20, and learning rate."""
    histories = storage.histories()
    names = [n for n in histories if n == "total_loss" or n.startswith("loss_")]
    texts = [f"{n} {histories[n].median(storage.count_samples(n)):.4g}" for n in names]
    texts += [f"lr {histories['lr'].latest():.2g}"] if "lr" in histories else []
    return "  ".join(texts)


def _no_plain_line(record: logging.LogRecord) -> bool:
    return record.name != PLAIN_LINES


def _with_losses() -> type:
    """rich's Progress with a line of losses below the bar; rich is imported only when used."""
    from rich.progress import Progress
    from rich.text import Text

    class WithLosses(Progress):
        losses = ""

        def get_renderables(self):
            yield from super().get_renderables()
            yield Text(self.losses, style="dim")

    return WithLosses
