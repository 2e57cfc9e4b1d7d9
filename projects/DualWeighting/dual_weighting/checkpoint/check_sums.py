"""Files that were changed on their way: what torch.load does not look at."""

import os
import zipfile

from dual_weighting.errors import UserError

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
