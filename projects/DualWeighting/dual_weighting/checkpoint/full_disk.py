"""A disk without room for what is to be written, in one sentence."""

import errno
import os
import shutil

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
