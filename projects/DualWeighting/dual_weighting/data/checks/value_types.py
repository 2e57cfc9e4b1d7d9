"""The parts of a file in COCO's format and the types of its values: what is wrong with those that
are others."""

import math
import sys
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

LARGEST_SIDE = 2**31  # pixels; beyond it numbers of pixels are no numbers that torch counts with
LARGEST_ID = 2**63 - 1  # that evaluators can sort
LARGEST_AREA = 1e10  # square pixels; COCO's evaluation ignores larger objects
LARGEST_OUTLINE = (
    1e6  # pixels, root mean square; the memory to fill a polygon grows with its length
)


def is_number(value: Any) -> bool:
    """Whether it is a finite number, which true and false are not."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= sys.float_info.max


def is_whole(value: Any) -> bool:
    if type(value) is int:
        return -LARGEST_ID <= value <= LARGEST_ID
    return is_number(value) and value == int(value) and abs(value) <= LARGEST_ID


def is_size(value: Any) -> bool:
    return is_whole(value) and 0 < value < LARGEST_SIDE


def is_area(value: Any) -> bool:
    return is_number(value) and 0 <= value <= LARGEST_AREA


def is_text(value: Any) -> bool:
    """Whether it is text that can be printed on one line, and more than blanks."""
    if not isinstance(value, str) or not value.strip():
        return False
    return value.isprintable() or all(
        unicodedata.category(letter) not in ("Cc", "Cs", "Zl", "Zp") for letter in value
    )


def is_id(value: Any) -> bool:
    return is_whole(value) or is_text(value)


def is_flag(value: Any) -> bool:
    return isinstance(value, int | float) and value in (0, 1)


def is_list(value: Any) -> bool:
    return isinstance(value, list)


def is_coco_box(value: Any) -> bool:
    """Whether it is a list of four numbers of pixels."""
    return (
        isinstance(value, list)
        and len(value) == 4
        and all(is_number(side) and abs(side) < LARGEST_SIDE for side in value)
    )


def is_mask(value: Any) -> bool:
    """Whether it is nothing, a list of polygons, or a run-length code."""
    if isinstance(value, dict):
        size, counts = value.get("size"), value.get("counts")
        whole = isinstance(size, list) and len(size) == 2 and all(map(is_size, size))
        return whole and (isinstance(counts, str) or (is_numbers(counts) and are_runs(counts)))
    return not value or (isinstance(value, list) and all(map(is_outline, value)))


def are_runs(counts: list) -> bool:
    return all(value >= 0 and value == int(value) for value in counts)


def is_outline(value: Any) -> bool:
    """Whether it is a list of numbers of pixels; in one call, as there are millions."""
    if not isinstance(value, list):
        return False
    try:
        return math.hypot(*value) <= LARGEST_OUTLINE * math.sqrt(len(value))
    except (OverflowError, TypeError):
        return False


def is_numbers(value: Any) -> bool:
    """Whether it is a list of finite numbers."""
    if not isinstance(value, list) or not set(map(type, value)) <= {int, float}:
        return False
    try:
        return math.isfinite(sum(value))
    except OverflowError:
        return False


Rule = tuple[str, Callable[[Any], bool], str]  # key, test, what to do

ID = "make it a whole number, or text"
WHOLE = "make it a whole number"
REQUIRED = {
    "image": ("id", "file_name", "height", "width"),
    "category": ("id", "name"),
    "annotation": ("id", "image_id", "category_id", "bbox"),
}
RULES: dict[str, tuple[Rule, ...]] = {
    "image": (
        ("id", is_id, ID),
        ("file_name", is_text, "write the name of the file"),
        ("height", is_size, "write how many pixels the image has"),
        ("width", is_size, "write how many pixels the image has"),
    ),
    "category": (
        ("id", is_whole, WHOLE),
        ("name", is_text, "write a name in quotes, on one line"),
    ),
    "annotation": (
        ("id", is_id, ID),
        ("image_id", is_id, "write the id of its image"),
        ("category_id", is_whole, WHOLE),
        ("bbox", is_list, "make it [x, y, width, height]"),
        ("iscrowd", is_flag, "make it 0 or 1"),
        ("area", is_area, "make it a number of square pixels, or leave it out"),
        ("segmentation", is_mask, "make it a list of polygons or a run-length code"),
    ),
}


def basic_faults(content: Any) -> Iterator[str]:
    """Parts that the content of a file lacks and values of wrong types, most basic first.

    What comes after a fault may rely on there being none: ask for the first only.
    """
    if not isinstance(content, dict):
        yield f"the outermost value is a {type(content).__name__}; in COCO's format it is an object"
    for key in ("images", "categories"):
        if not isinstance(content.get(key), list) or not content[key]:
            yield f'there are no "{key}"; add the list'
    annotations = content.get("annotations", [])
    if not isinstance(annotations, list):
        yield f'the "annotations" are a {type(annotations).__name__}; make them a list'
    kinds = {
        "image": content["images"],
        "category": content["categories"],
        "annotation": annotations,
    }
    for faults in (missing_keys, wrong_types):
        for kind, items in kinds.items():
            yield from faults(items, kind)


def missing_keys(items: list, kind: str) -> Iterator[str]:
    required = set(REQUIRED[kind])
    for number, item in enumerate(items):
        if not isinstance(item, dict):
            yield f"{kind} number {number} of the list is {shown(item)}; make it an object"
        elif not required <= item.keys():
            key = next(key for key in REQUIRED[kind] if key not in item)
            which = item.get("id")
            name = f"number {number} of the list" if which is None else f"id {shown(which)}"
            yield f'{kind} {name} has no "{key}"; add it'


def wrong_types(items: list[dict], kind: str) -> Iterator[str]:
    """A sentence about each value that breaks one of the `RULES` of its kind."""
    for key, is_right, advice in RULES[kind]:
        for item in items:
            if key in item and not is_right(item[key]):
                value = shown(item[key])
                yield f'{kind} id {shown(item["id"])} has the "{key}" {value}; {advice}'
    if kind == "image" and len({isinstance(item["id"], str) for item in items}) > 1:
        yield "some image ids are text and some are numbers; make them all of one kind"


def shown(value: Any, longest: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= longest else f"{text[:longest]}..."


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
