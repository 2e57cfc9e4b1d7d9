"""CrowdHuman's file format: one JSON object a line, one line an image."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from detectron2.utils.file_io import PathManager

from dual_weighting.data.checks.value_types import is_flag, is_size
from dual_weighting.utils.errors import UserError

PERSON = "person"  # the tag of a box that counts; whatever has another is a region to ignore


@dataclass(frozen=True)
class OdgtImage:
    """A line of an .odgt file.

    Attributes:
        image_id: the ID of the image.
        place: "FILE, line NUMBER".
        boxes: (n, 4), x, y, width, height in pixels.
        ignored: (n,) bool, regions to ignore; all False for detections.
        scores: (n,); all 1 for ground truths.
        size: height and width of the image, None where the line does not say.
    """

    image_id: str
    place: str
    boxes: np.ndarray
    ignored: np.ndarray
    scores: np.ndarray
    size: tuple[int, int] | None


def read_ground_truths(odgt_file: str | Path) -> list[OdgtImage]:
    """The full-body boxes (`fbox`) of every line. A box is a region to ignore unless its tag is
    "person" and its `extra` does not say "ignore".

    Raises:
        UserError: the file cannot be read, or the first fault in it with its line.
    """
    return list(images_of(odgt_file, boxes_key="gtboxes", box_key="fbox"))


def read_detections(odgt_file: str | Path) -> list[OdgtImage]:
    """The boxes and scores of every line, with errors as of `read_ground_truths`."""
    return list(images_of(odgt_file, boxes_key="dtboxes", box_key="box"))


def images_of(odgt_file: str | Path, *, boxes_key: str, box_key: str) -> Iterator[OdgtImage]:
    is_ground_truth = boxes_key == "gtboxes"
    seen: dict[str, str] = {}
    for place, record in lines_of(odgt_file):
        image_id, items = record.get("ID"), record.get(boxes_key)
        if not isinstance(image_id, str) or not image_id:
            raise UserError(f'{place} has no "ID"; add the name of the image.')
        if image_id in seen:
            raise UserError(f"{place} has the ID {image_id} of {seen[image_id]}; remove one.")
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise UserError(f'{place} has no list "{boxes_key}" of objects; add it ([] for none).')
        seen[image_id] = place.rpartition(", ")[2]
        yield OdgtImage(
            image_id=image_id,
            place=place,
            boxes=numbers_of(items, box_key, shape=(4,), place=place),
            ignored=np.array([is_ground_truth and is_ignored(x, place) for x in items], bool),
            scores=np.ones(len(items))
            if is_ground_truth
            else numbers_of(items, "score", shape=(), place=place),
            size=size_of(record, place),
        )
    if not seen:
        raise UserError(f"{odgt_file} has no line with an image; write or download it again.")


def lines_of(odgt_file: str | Path) -> Iterator[tuple[str, dict]]:
    """Place and content of every line that is not blank."""
    number = 0
    try:
        with PathManager.open(str(odgt_file), encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                record = json.loads(line)
                if not isinstance(record, dict):
                    raise ValueError(f"it is a {type(record).__name__}")
                yield f"{odgt_file}, line {number},", record
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"{odgt_file} cannot be read ({reason}); put it there.") from error
    except (ValueError, RecursionError) as error:
        number += isinstance(error, UnicodeDecodeError)  # of the line that could not be had
        raise UserError(
            f"{odgt_file}, line {number}, is no JSON object ({error}); correct it, or write or "
            "download the file again."
        ) from error


def numbers_of(items: list[dict], key: str, *, shape: tuple[int, ...], place: str) -> np.ndarray:
    """(n, *shape), the finite numbers under `key` of each item."""
    try:
        values = np.array([item[key] for item in items], np.float64).reshape(len(items), *shape)
    except (KeyError, OverflowError, TypeError, ValueError):
        values = np.array([np.nan])
    if np.isfinite(values).all():
        return values
    for number, item in enumerate(items, start=1):
        try:
            value = np.array(item.get(key), np.float64)
            faulty = value.shape != shape or not np.isfinite(value).all()
        except (OverflowError, TypeError, ValueError):
            faulty = True
        if faulty:
            what = "4 finite numbers" if shape else "a finite number"
            raise UserError(
                f'{place} box number {number} has the "{key}" {json.dumps(item.get(key))}, not '
                f"{what}; correct it."
            )
    raise AssertionError("unreachable: some item is faulty")


def is_ignored(item: dict, place: str) -> bool:
    """Whether a ground truth is a region to ignore."""
    extra = item.get("extra") or {}
    if "tag" not in item or not isinstance(extra, dict):
        raise UserError(
            f'{place} has a box without a "tag" or whose "extra" is no object; correct it.'
        )
    if not is_flag(extra.get("ignore", 0)):
        raise UserError(f'{place} has a box whose "ignore" is neither 0 nor 1; correct it.')
    return item["tag"] != PERSON or extra.get("ignore", 0) != 0


def size_of(record: dict[str, Any], place: str) -> tuple[int, int] | None:
    size = record.get("height"), record.get("width")
    if size == (None, None):
        return None
    if not all(isinstance(side, int) and is_size(side) for side in size):
        raise UserError(
            f"{place} has the height {size[0]} and the width {size[1]}; correct or remove them."
        )
    return size
