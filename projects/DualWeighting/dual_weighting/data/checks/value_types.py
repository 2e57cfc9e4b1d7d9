"""The parts of a file in COCO's format, the types of its values, and what is wrong with others."""

import math
import sys
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

LARGEST_SIDE = 2**31  # pixels; larger counts overflow in torch
LARGEST_ID = 2**63 - 1  # that evaluators can sort
LARGEST_AREA = 1e10  # square pixels; COCO's evaluation ignores larger objects
LARGEST_OUTLINE = 1e6  # root mean square of coordinates; filling a polygon takes memory by length
UNPRINTABLE = {"Cc", "Cs", "Zl", "Zp"}  # categories of Unicode


def is_number(value: Any) -> bool:
    """Whether it is a finite number; true and false are not."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= sys.float_info.max


def is_whole(value: Any) -> bool:
    """Whether it is a whole number that an int64 holds, perhaps written as a float."""
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
    return value.isprintable() or UNPRINTABLE.isdisjoint(map(unicodedata.category, value))


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
        has_size = isinstance(size, list) and len(size) == 2 and all(map(is_size, size))
        return has_size and (isinstance(counts, str) or are_runs(counts))
    return not value or (isinstance(value, list) and all(map(is_outline, value)))


def are_runs(counts: Any) -> bool:
    if not isinstance(counts, list) or not set(map(type, counts)) <= {int, float}:
        return False
    return all(0 <= value < LARGEST_SIDE and value % 1 == 0 for value in counts)


def is_outline(value: Any) -> bool:
    """Whether it is a list of numbers of pixels; in one call, as there are millions."""
    try:
        return math.hypot(*value) <= LARGEST_OUTLINE * math.sqrt(len(value))
    except (OverflowError, TypeError):
        return False


ID = "make it a whole number, or text"
WHOLE = "make it a whole number"
PIXELS = "write how many pixels the image has"
# Test of the value and what to do, by kind and key.
RULES: dict[str, dict[str, tuple[Callable[[Any], bool], str]]] = {
    "image": {
        "id": (is_id, ID),
        "file_name": (is_text, "write the name of the file"),
        "height": (is_size, PIXELS),
        "width": (is_size, PIXELS),
    },
    "category": {
        "id": (is_whole, WHOLE),
        "name": (is_text, "write a name in quotes, on one line"),
    },
    "annotation": {
        "id": (is_id, ID),
        "image_id": (is_id, "write the id of its image"),
        "category_id": (is_whole, WHOLE),
        "bbox": (is_list, "make it [x, y, width, height]"),
        "iscrowd": (is_flag, "make it 0 or 1"),
        "area": (is_area, "make it a number of square pixels, or leave it out"),
        "segmentation": (is_mask, "make it a list of polygons or a run-length code"),
    },
}
OPTIONAL = {"iscrowd", "area", "segmentation"}


def basic_faults(content: Any) -> Iterator[str]:
    """Missing parts and values of wrong types, most basic first.

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
    required = RULES[kind].keys() - OPTIONAL
    for number, item in enumerate(items):
        if not isinstance(item, dict):
            yield f"{kind} number {number} of the list is {shown(item)}; make it an object"
        elif not required <= item.keys():
            key = next(key for key in RULES[kind] if key not in item)
            which = item.get("id")
            name = f"number {number} of the list" if which is None else f"id {shown(which)}"
            yield f'{kind} {name} has no "{key}"; add it'


def wrong_types(items: list[dict], kind: str) -> Iterator[str]:
    for key, (is_right, advice) in RULES[kind].items():
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
    """The lengths of the runs of a mask's pixels, column by column, in turn outside and inside;
    None for an invalid code, with which pycocotools would read outside of its memory.

    `code`: the lengths, or compressed by pycocotools: base 32 with signs, least digit first; from
    the fourth on, a length is the difference to that two before.
    """
    if not isinstance(code, str):
        return np.array(code, dtype=np.int64)
    if not code or not code.isascii():
        return None
    letters = np.frombuffer(code.encode(), np.uint8).astype(np.int64) - ORIGIN
    if letters.min() < 0 or letters.max() >= 2 * MORE or letters[-1] & MORE:
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
