"""Downloads published weights into torch's cache."""

import os
import socket
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from os.path import basename, join
from typing import Any

import torch

from dual_weighting.utils.errors import UserError

DOWNLOAD_TIMEOUT = 30.0  # seconds without data from the server


def download_weights(url: str, *, check_hash: bool = False) -> dict[str, Any]:
    """The content of the file at `url`, loaded as data only.

    The file is cached in `TORCH_HOME`.

    Args:
        check_hash: whether the file name ends with its hash.

    Raises:
        UserError: the file cannot be downloaded, with its address and its place in the cache.
    """
    file = join(torch.hub.get_dir(), "checkpoints", basename(url))
    try:
        with _download_timeout(DOWNLOAD_TIMEOUT):
            return torch.hub.load_state_dict_from_url(
                url, check_hash=check_hash, map_location="cpu", weights_only=True
            )
    except OSError as error:
        raise UserError(
            f"The backbone weights {url} cannot be downloaded ({error}): copy this file to "
            f"{file}, or train from scratch with an empty value, train.init_checkpoint= ."
        ) from error
    except Exception as error:  # a wrong hash, or any error for a damaged file
        raise UserError(
            f"The backbone weights in {file} are damaged ({type(error).__name__}): delete the file "
            f"and run again, or copy {url} there."
        ) from error


@contextmanager
def _download_timeout(seconds: float) -> Iterator[None]:
    """Set a timeout for torch's downloader, which would otherwise wait forever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


LARGEST_RATIO = 10  # ratio of unpacked to packed size; 1 for files written by torch


def verify_check_sums(file: str | os.PathLike) -> None:
    """Check a zip archive as written by torch.save; does nothing for other files.

    Raises:
        ValueError: a checksum is wrong.
        UserError: it would unpack to much more than its size.
    """
    if not zipfile.is_zipfile(file):
        return
    with zipfile.ZipFile(file) as archive:
        packed, unpacked = os.path.getsize(file), sum(x.file_size for x in archive.infolist())
        if unpacked > LARGEST_RATIO * packed:
            raise UserError(
                f"The checkpoint {file} is refused: its {packed:,} bytes would unpack to "
                f"{unpacked:,}, but torch does not compress checkpoints. Download it again, or "
                "use another one."
            )
        if (name := archive.testzip()) is not None:
            raise ValueError(f"{name} in {file} has a wrong checksum")
