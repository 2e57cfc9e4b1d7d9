"""Memory of the CPU between training steps."""

import ctypes
import sys

# Numbers of <malloc.h>
M_TRIM_THRESHOLD = -1
M_MMAP_THRESHOLD = -3
LARGEST_MMAP_THRESHOLD = 32 * 1024 * 1024


def keep_freed_memory(limit: int = 2**31 - 1) -> bool:
    """Let glibc keep up to `limit` freed bytes for the next step, and say whether it does.

    As it comes, glibc gives the memory of large tensors back to the system and gets it anew, filled
    with zeros, in every step: on two cores that is a tenth of a training step on Digits. Elsewhere
    than on glibc nothing changes.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    options = {M_MMAP_THRESHOLD: LARGEST_MMAP_THRESHOLD, M_TRIM_THRESHOLD: limit}
    return all(mallopt(option, value) == 1 for option, value in options.items())
