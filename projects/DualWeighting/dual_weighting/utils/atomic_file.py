"""Files that are written completely or not at all."""

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
    """Open a file for writing (`mode` "w" or "wb") that is renamed to `path` once it is complete.

    Until then it is `path`.partial. Readers of `path` see either the old or the new content, even
    after a power failure; an exception in the block keeps the old content.

    Raises:
        UserError: the disk is full.
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
    if sys.platform == "win32":  # Windows cannot open folders
        return
    folder = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY)
    try:
        os.fsync(folder)  # make the rename durable
    finally:
        os.close(folder)


def remove_partial_files(folder: str | os.PathLike) -> None:
    """Delete files left in `folder` by writers that were killed."""
    for file in Path(folder).glob(f"*{PARTIAL}"):
        file.unlink()


FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def full_disk_error(error: BaseException | None) -> OSError | None:
    """The disk-full error (or quota, or file size limit) in the chain of `error`, or None.

    Libraries such as torch raise errors of their own while handling one.
    """
    while error is not None:
        if isinstance(error, OSError) and error.errno in FULL:
            return error
        error = error.__cause__ or error.__context__
    return None


def full_disk_sentence(error: OSError, path: str | os.PathLike) -> str:
    """The message for a `path`, a file or its folder, that could not be written.

    Call it after deleting the partial file, since it reports the free space.
    """
    folder = os.path.abspath(path)
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    free = shutil.disk_usage(folder).free / 1e6
    where = (
        f"Nothing more can be written to {path}"
        if folder == os.path.abspath(path)
        else f"{path} could not be written"
    )
    return (
        f"{where}: {os.strerror(error.errno)} ({free:.1f} MB are free in {folder}); "
        "earlier files are intact, so free some space and run the command again, "
        "with --resume for a training."
    )
