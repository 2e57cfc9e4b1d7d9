"""Files that are there completely or not at all."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from dual_weighting.checkpoint.full_disk import full_disk_error, full_disk_sentence
from dual_weighting.errors import UserError

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
