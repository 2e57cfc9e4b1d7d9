"""COCO's run-length codes of masks."""

import numpy as np

DIGIT, MORE, SIGN, BITS = 0x1F, 0x20, 0x10, 5  # of a character less ORIGIN
ORIGIN = 48


def run_lengths(code: str | list) -> np.ndarray | None:
    """The lengths of the runs of a mask's pixels, column by column, by turns outside and inside.

    `code`: the lengths themselves, or compressed as pycocotools writes them: base 32 with signs,
    least digit first; from the fourth on, a length is the difference to that two before.
    None if it is no such code: pycocotools would read outside of its memory.
    """
    if not isinstance(code, str):
        return np.array(code, dtype=np.int64)
    try:
        letters = np.frombuffer(code.encode("ascii"), np.uint8).astype(np.int64) - ORIGIN
    except UnicodeEncodeError:
        return None
    if not len(letters) or letters.min() < 0 or letters.max() >= 2 * MORE or letters[-1] & MORE:
        return None
    last = np.flatnonzero((letters & MORE) == 0)  # letter of each number
    first = np.append(0, last[:-1] + 1)
    place = np.arange(len(letters)) - np.repeat(first, last - first + 1)
    if place.max() > 11:  # 60 bits
        return None
    numbers = np.add.reduceat((letters & DIGIT) << (BITS * place), first)
    negative = (letters[last] & SIGN) > 0
    numbers[negative] -= np.int64(1) << (BITS * (place[last][negative] + 1))
    numbers[1::2] = numbers[1::2].cumsum()
    numbers[2::2] = numbers[2::2].cumsum()
    return numbers if numbers.min() >= 0 else None
