"""What the values of a file in COCO's format have to be: what is wrong with those that are not."""

import math
import sys
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

LARGEST_SIDE = 2**31  # pixels; beyond it numbers of pixels are no numbers that torch counts with


def is_number(value: Any) -> bool:
    """Whether it is a finite number, which true and false are not."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= sys.float_info.max


def is_whole(value: Any) -> bool:
    return is_number(value) and value == int(value)


def is_size(value: Any) -> bool:
    return is_whole(value) and 0 < value < LARGEST_SIDE


def is_text(value: Any) -> bool:
    """Whether it is text that can be printed on one line."""
    if not isinstance(value, str):
        return False
    return value.isprintable() or all(
        unicodedata.category(letter) not in ("Cc", "Cs") for letter in value
    )


def is_id(value: Any) -> bool:
    return is_text(value) or is_whole(value)


def is_flag(value: Any) -> bool:
    return isinstance(value, int | float) and value in (0, 1)


def is_list(value: Any) -> bool:
    return isinstance(value, list)


def is_mask(value: Any) -> bool:
    """Whether it is nothing, a list of polygons, or a run-length code."""
    if isinstance(value, dict):
        size, counts = value.get("size"), value.get("counts")
        whole = isinstance(size, list) and len(size) == 2 and all(map(is_size, size))
        return whole and (
            isinstance(counts, str) or (is_numbers(counts) and min(counts, default=0) >= 0)
        )
    return not value or (isinstance(value, list) and all(map(is_numbers, value)))


def is_numbers(value: Any) -> bool:
    """Whether it is a list of finite numbers; fast, as polygons are long."""
    if not isinstance(value, list) or not set(map(type, value)) <= {int, float}:
        return False
    try:
        return math.isfinite(sum(value))
    except OverflowError:
        return False


Rule = tuple[str, Callable[[Any], bool], str]  # key, test, what to do

WHOLE = "make it a whole number"
RULES: dict[str, tuple[Rule, ...]] = {
    "image": (
        ("id", is_id, "make it a whole number, or text"),
        ("file_name", is_text, "write the name of the file"),
        ("height", is_size, "write how many pixels the image has"),
        ("width", is_size, "write how many pixels the image has"),
    ),
    "category": (("id", is_whole, WHOLE), ("name", is_text, "put it in quotes, on one line")),
    "annotation": (
        ("id", is_id, "make it a whole number, or text"),
        ("image_id", is_id, "write the id of its image"),
        ("category_id", is_whole, WHOLE),
        ("bbox", is_list, "make it [x, y, width, height]"),
        ("iscrowd", is_flag, "make it 0 or 1"),
        ("area", is_number, "make it a number, or leave it out"),
        ("segmentation", is_mask, "make it a list of polygons or a run-length code"),
    ),
}


def wrong_types(items: list[dict], kind: str) -> Iterator[str]:
    """A sentence about each value that breaks one of the `RULES` of its kind."""
    for item in items:
        for key, is_right, advice in RULES[kind]:
            if key in item and not is_right(item[key]):
                yield f'{kind} id {item["id"]!r} has the "{key}" {shown(item[key])}; {advice}'
    if kind == "image" and len({isinstance(item["id"], str) for item in items}) > 1:
        yield "some image ids are text and some are numbers; make them all of one kind"


def shown(value: Any, longest: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= longest else f"{text[:longest]}..."
