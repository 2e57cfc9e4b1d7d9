"""What the machine does to a command, said in one sentence: full disks, killed processes."""

import logging
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dual_weighting.checkpoint.full_disk import full_disk_error, full_disk_sentence
from dual_weighting.errors import UserError

KILLED_LOADER = re.compile(
    r"DataLoader worker \(pid[^)]*\) (?:is killed by signal: (?P<signal>[^.]*)|exited unexpectedly)"
)
NO_SHARED_MEMORY = ("Bus error", "shared memory(shm)", "unable to open shared memory object")
NO_IMAGE_LEFT = "Sample larger than population"


@contextmanager
def faults_explained(output_dir: str = ".") -> Iterator[None]:
    """Let a fault of the machine in the block be a `UserError`; other errors stay what they are.

    Where more than one arose, as hooks run after a failure too, the first one is said. Errors of
    the log itself are not shown.
    `output_dir`: where files are written whose name an error does not have.
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
            raise_exceptions = False  # they stay closed
        if sentence in (None, str(error)):
            raise
        raise UserError(sentence) from error
    finally:
        threading.excepthook = excepthook
        logging.raiseExceptions = raise_exceptions


def explanation(error: BaseException, output_dir: str) -> str | None:
    """The sentence for the first error that led to `error` and can be explained; None for none.

    A `UserError` explains those that it was raised from.
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
    if isinstance(error, RuntimeError):
        killed = KILLED_LOADER.search(text)
        if any(symptom in text for symptom in NO_SHARED_MEMORY):
            return (
                "The processes that load images have no shared memory left: enlarge /dev/shm "
                "(docker run --shm-size=8g), or set dataloader.train.num_workers=0 and "
                "dataloader.test.num_workers=0, and go on with --resume."
            )
        if killed:
            return (
                "A process that loads images was ended from outside "
                f"({killed['signal'] or 'without a word'}), as systems do that run out of memory: "
                "lower dataloader.train.num_workers and dataloader.test.num_workers "
                "(0: no such process), or the batch, and go on with --resume."
            )
    if isinstance(error, ValueError) and NO_IMAGE_LEFT in text:
        return (
            "None of the images that are trained on can be used; what is wrong with each is said "
            "with dataloader.train.mapper.on_bad_image=stop."
        )
    return None


def close_log_files(folder: str) -> None:
    """Close the files in `folder` that loggers write, which else try at the end once more what
    they could not write."""
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
    """What to do with errors in threads, such as TensorBoard's: of a full disk, its next write
    raises the error again."""

    def hook(args: threading.ExceptHookArgs) -> None:
        if not full_disk_error(args.exc_value):
            excepthook(args)

    return hook
