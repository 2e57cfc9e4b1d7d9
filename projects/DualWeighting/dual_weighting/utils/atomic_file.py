"""Files that are there completely or not at all."""

import errno
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from dual_weighting.utils.errors import UserError

PARTIAL = ".partial"


@contextmanager
def atomic_file(path: str | os.PathLike, mode: str) -> Iterator[IO]:
    """Open a file for writing (`mode` "w" or "wb") that takes the name `path` when it is complete.

    Until then it is `path`.partial in the same folder. Whoever reads `path` sees the old content or
    the new, also after a power cut; an exception in the block leaves the old. Raises `UserError`
    when the disk is full.
    """
    partial = f"{path}{PARTIAL}"
    try:
        with open(partial, mode, encoding=None if "b" in mode else "utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException as error:
        Path(partial).unlink(missing_ok=True)
        if full := full_disk_error(error):
            raise UserError(full_disk_sentence(full, path)) from error
        raise
    if sys.platform == "win32":  # which does not open folders
        return
    folder = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY)
    try:
        os.fsync(folder)  # the renaming itself
    finally:
        os.close(folder)


def remove_partial_files(folder: str | os.PathLike) -> None:
    """Delete what writers that were killed have left in `folder`."""
    for file in Path(folder).glob(f"*{PARTIAL}"):
        file.unlink()


FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def full_disk_error(error: BaseException | None) -> OSError | None:
    """The error of a full disk (or quota, or largest file) that `error` is or came from.

    None if there was no such. torch and others raise errors of their own while one is handled.
    """
    while error is not None:
        if isinstance(error, OSError) and error.errno in FULL:
            return error
        error = error.__cause__ or error.__context__
    return None


def full_disk_sentence(error: OSError, path: str | os.PathLike) -> str:
    """What is to be said when `path`, a file or the folder it belongs into, could not be written.

    To be called when what was written of it is deleted: it says how much room there is.
    """
    folder = os.path.abspath(path)
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    free = shutil.disk_usage(folder).free / 1e6
    where = (
        f"Nothing more can be written into {path}"
        if folder == os.path.abspath(path)
        else f"{path} could not be written"
    )
    return (
        f"{where}: {os.strerror(error.errno)} ({free:.1f} MB are free in {folder}); "
        "what was complete before is intact, so make room and give the command again, "
        "a training with --resume."
    )
