"""Weights that others publish, fetched once and kept where torch keeps its downloads."""

import os
import socket
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from os.path import basename, join
from typing import Any

import torch

from dual_weighting.utils.errors import UserError

DOWNLOAD_TIMEOUT = 30.0  # seconds without a byte from the server


def download_weights(url: str, *, check_hash: bool = False) -> dict[str, Any]:
    """What the file at `url` holds, loaded as data only.

    Read from `TORCH_HOME`, downloaded where it is not there yet. `check_hash`: the file's name ends
    with its hash. Raises `UserError` with the address and the place of the file when it cannot be
    had.
    """
    file = join(torch.hub.get_dir(), "checkpoints", basename(url))
    try:
        with _download_timeout(DOWNLOAD_TIMEOUT):
            return torch.hub.load_state_dict_from_url(
                url, check_hash=check_hash, map_location="cpu", weights_only=True
            )
    except OSError as error:
        raise UserError(
            f"The backbone weights {url} cannot be downloaded ({error}): put this file at "
            f"{file} by hand, or train from scratch with train.init_checkpoint= (nothing after it)."
        ) from error
    except Exception as error:  # a wrong hash, or any of the ways torch finds a file damaged
        raise UserError(
            f"The backbone weights in {file} are damaged ({type(error).__name__}): delete the file "
            f"and run again, or put {url} there by hand."
        ) from error


@contextmanager
def _download_timeout(seconds: float) -> Iterator[None]:
    """torch's downloader sets none of its own and would wait for ever for a silent server."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


LARGEST_RATIO = 10  # unpacked / packed size; torch writes 1, other programs may have packed it


def verify_check_sums(file: str | os.PathLike) -> None:
    """Raise `ValueError` if parts of the zip archive `file`, as torch.save writes them, are not
    what their check sums say, and `UserError` if it is much larger than it seems. Other files have
    neither."""
    if not zipfile.is_zipfile(file):
        return
    with zipfile.ZipFile(file) as archive:
        packed, unpacked = os.path.getsize(file), sum(x.file_size for x in archive.infolist())
        if unpacked > LARGEST_RATIO * packed:
            raise UserError(
                f"The checkpoint {file} is refused: its {packed:,} bytes would unpack to "
                f"{unpacked:,}, and torch writes checkpoints unpacked. Get it again, or use "
                "another one."
            )
        if (name := archive.testzip()) is not None:
            raise ValueError(f"{name} in {file} has another check sum")
