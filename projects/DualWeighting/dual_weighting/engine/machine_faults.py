"""Faults of the machine, such as full disks and killed workers, reported in one sentence."""

import errno
import logging
import os
import re
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from detectron2.engine import HookBase

from dual_weighting.utils.atomic_file import full_disk_error, full_disk_sentence
from dual_weighting.utils.errors import UserError

logger = logging.getLogger(__name__)

NO_MEMORY_SHARED = (
    "The data loader processes have run out of shared memory: enlarge /dev/shm "
    "(docker run --shm-size=8g), or set dataloader.train.num_workers=0 and "
    "dataloader.test.num_workers=0, and continue with --resume."
)
FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
KILLED_LOADER = re.compile(
    r"DataLoader worker \(pid[^)]*\) (?:is killed by signal: (?P<signal>[^.]*)|exited unexpectedly)"
)
NO_SHARED_MEMORY = ("Bus error", "shared memory(shm)", "unable to open shared memory object")
NO_IMAGE_LEFT = "Sample larger than population"


@contextmanager
def faults_explained(output_dir: str = ".") -> Iterator[None]:
    """Turn machine faults inside the block into `UserError`s; other exceptions pass unchanged.

    Hooks also run after a failure and may fail in turn: the first error is reported. Errors of
    logging itself are suppressed.

    Args:
        output_dir: where files are written, for errors that do not name a file.
    """
    excepthook = threading.excepthook
    threading.excepthook = _quiet_when_full(excepthook)
    raise_exceptions, logging.raiseExceptions = logging.raiseExceptions, False
    try:
        yield
    except Exception as error:
        sentence = explanation(error, output_dir)
        if full_disk_error(error):
            close_log_files(output_dir)
            raise_exceptions = False  # the log files stay closed
        if sentence in (None, str(error)):
            raise
        raise UserError(sentence) from error
    finally:
        threading.excepthook = excepthook
        logging.raiseExceptions = raise_exceptions


def explanation(error: BaseException, output_dir: str) -> str | None:
    """A sentence for the first explainable error in the chain that led to `error`, or None.

    A `UserError` explains the errors it was raised from.
    """
    errors = [error]
    while (before := errors[-1].__cause__ or errors[-1].__context__) is not None:
        errors.append(before)
    errors.reverse()
    sentences = [str(e) for e in errors if isinstance(e, UserError)]
    sentences += filter(None, (_explain(e, output_dir) for e in errors))
    return sentences[0] if sentences else None


def _explain(error: BaseException, output_dir: str) -> str | None:
    text = str(error)
    if isinstance(error, OSError) and error is full_disk_error(error):
        return full_disk_sentence(error, error.filename or output_dir)
    if isinstance(error, OSError) and error.errno in FORBIDDEN and error.filename:
        return (
            f"{error.filename} cannot be read or written ({error.strerror}): change its "
            "permissions, or choose another file or folder."
        )
    if isinstance(error, RuntimeError):
        killed = KILLED_LOADER.search(text)
        if any(symptom in text for symptom in NO_SHARED_MEMORY):
            return NO_MEMORY_SHARED
        if killed:
            return (
                f"A data loader process was killed ({killed['signal'] or 'no signal reported'}), "
                "probably because the machine ran out of memory: lower "
                "dataloader.train.num_workers and dataloader.test.num_workers (0 loads in the main "
                "process) or the batch size, and continue with --resume."
            )
    if isinstance(error, ValueError) and NO_IMAGE_LEFT in text:
        return (
            "None of the training images can be used; "
            "dataloader.train.mapper.on_bad_image=stop reports what is wrong with the first."
        )
    return None


def close_log_files(folder: str) -> None:
    """Close the log files in `folder`, which would otherwise try to flush again at exit."""
    for handler in [handler for logger in _loggers() for handler in logger.handlers]:
        stream = getattr(handler, "stream", None)
        name = getattr(stream, "name", None)
        if not isinstance(name, str) or not os.path.exists(name):
            continue
        if Path(os.path.abspath(name)).is_relative_to(os.path.abspath(folder)):
            with suppress(OSError):
                stream.close()


def _loggers() -> list[logging.Logger]:
    known = list(logging.Logger.manager.loggerDict.values())
    return [logging.getLogger(), *(x for x in known if isinstance(x, logging.Logger))]


def _quiet_when_full(excepthook: Callable) -> Callable:
    """An exception hook for threads that ignores full disks: the next write in the main thread
    raises the same error. TensorBoard writes in a thread."""

    def hook(args: threading.ExceptHookArgs) -> None:
        if not full_disk_error(args.exc_value):
            excepthook(args)

    return hook


class LoaderWatch(HookBase):
    """Warns when no batch has arrived for a while, and exits if /dev/shm is full: loader processes
    then lose images without an error, and torch would wait forever.

    The trainer has `waiting_since`, the time since which it has waited for a batch, or None.
    """

    def __init__(
        self, *, seconds: float = 30.0, shared_memory: str = "/dev/shm", room: int = 2**24
    ):
        """
        Args:
            seconds: how long to wait before warning.
            shared_memory: mount point of the system's shared memory.
            room: free bytes that are enough for an image.
        """
        self._seconds, self._shared_memory, self._room = seconds, shared_memory, room
        self._over = threading.Event()

    def before_train(self) -> None:
        threading.Thread(target=self._watch, daemon=True).start()

    def after_train(self) -> None:
        self._over.set()

    def _watch(self) -> None:
        told = None
        while not self._over.wait(self._seconds / 10):
            since = self.trainer.waiting_since
            if since in (None, told) or time.perf_counter() - since < self._seconds:
                continue
            if (
                os.path.isdir(self._shared_memory)
                and shutil.disk_usage(self._shared_memory).free < self._room
            ):
                print(f"Error: {NO_MEMORY_SHARED}", file=sys.stderr, flush=True)
                os._exit(1)
            told = since
            logger.warning(
                "No batch has arrived for %g seconds: still waiting for the data loader processes "
                "(dataloader.train.num_workers), which may be waiting for the disk or the network.",
                self._seconds,
            )
