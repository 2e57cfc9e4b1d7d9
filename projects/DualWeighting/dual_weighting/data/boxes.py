"""Boxes that a data set should not have."""

import logging
import math
from typing import Any

from detectron2.structures import BoxMode
from detectron2.utils.file_io import PathManager

from dual_weighting.data.faults import annotation_id_of_box
from dual_weighting.data.value_types import shown
from dual_weighting.errors import UserError

logger = logging.getLogger(__name__)

NUM_SHOWN = 5  # skipped boxes that the log names


def check_boxes(dicts: list[dict], *, source: str, empty_boxes: str) -> None:
    """Raise at, or drop in place, the annotations whose box has no area inside its image.

    `dicts`: records in Detectron2's format. `source`: the file they come from, or else the name of
    the data set. `empty_boxes`: "error" raises a UserError at the first, "skip" drops and logs.
    """
    skipped = []
    for record in dicts:
        annotations = record.get("annotations", [])
        empty = [not has_area(annotation, record) for annotation in annotations]
        if not any(empty):
            continue
        if empty_boxes == "error":
            raise UserError(describe(annotations[empty.index(True)], record, source=source))
        skipped += [
            f"{annotation.get('bbox')} in image id {record['image_id']}"
            for annotation, is_empty in zip(annotations, empty, strict=True)
            if is_empty
        ]
        record["annotations"] = [
            annotation
            for annotation, is_empty in zip(annotations, empty, strict=True)
            if not is_empty
        ]
    if skipped:
        more = ", ..." if len(skipped) > NUM_SHOWN else ""
        logger.warning(
            f"Skipped {len(skipped)} annotations of {source} whose box has no area inside its "
            f"image: {', '.join(skipped[:NUM_SHOWN])}{more}."
        )


def has_area(annotation: dict, record: dict) -> bool:
    """Whether the box is one of finite numbers with an area inside the image of `record`."""
    box = annotation.get("bbox")
    if not is_box(box):
        return False
    if annotation["bbox_mode"] == BoxMode.XYWH_ABS:
        if not is_coco_box(box):
            return False
        x, y, width, height = box
        x1, y1 = x + width, y + height
    else:
        x, y, x1, y1 = BoxMode.convert(list(box), annotation["bbox_mode"], BoxMode.XYXY_ABS)
    right, bottom = record.get("width", math.inf), record.get("height", math.inf)
    return max(x, 0) < min(x1, right) and max(y, 0) < min(y1, bottom)


def is_box(box: Any) -> bool:
    """Whether it is a box of four or more finite numbers."""
    try:
        return len(box) >= 4 and all(
            math.isfinite(side) and not isinstance(side, bool) for side in box
        )
    except (TypeError, OverflowError):
        return False


def is_coco_box(box: Any) -> bool:
    """Whether it is four finite numbers."""
    return is_box(box) and len(box) == 4


def describe(annotation: dict, record: dict, *, source: str) -> str:
    image_id, box = record["image_id"], annotation.get("bbox")
    if "place" in record:  # a file with a line for each image
        where = f"In {record['place']} an annotation"
    else:
        annotation_id = None
        if PathManager.isfile(source):
            annotation_id = annotation_id_of_box(source, image_id=image_id, box=box)
        where = f"In {source}, annotation {annotation_id}"
    size = f"{record.get('width')} x {record.get('height')}"
    return (
        f"{where} of image id {image_id} has the box {shown(box, 120)}, which has "
        f"no area inside the image of {size}; repair it, or leave out such boxes with "
        '`dataloader.train.dataset.empty_boxes="skip"`.'
    )
