"""Boxes that a data set should not have."""

import logging
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from detectron2.structures import BoxMode

from dual_weighting.data.checks.value_types import LARGEST_SIDE, is_coco_box, shown
from dual_weighting.data.coco_content import CocoContent
from dual_weighting.utils.errors import UserError

logger = logging.getLogger(__name__)

NUM_SHOWN = 5  # skipped boxes that the log names


def box_array(boxes: Sequence[Any]) -> np.ndarray:
    """(A, 4) of what is a list of four numbers of pixels; NaN where it is not."""
    rows = set(map(type, boxes)) <= {list} and set(map(len, boxes)) <= {4}
    if rows and set(map(type, chain.from_iterable(boxes))) <= {int, float}:
        array = np.array(boxes, dtype=np.float64).reshape(-1, 4)
        array[~(np.abs(array) < LARGEST_SIDE).all(axis=1)] = np.nan
        return array
    rows = [box if is_coco_box(box) else [np.nan] * 4 for box in boxes]
    return np.array(rows, dtype=np.float64).reshape(-1, 4)


def has_area(boxes: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Mask (A,) of the boxes (x1, y1, x2, y2) that have an area inside their image.

    `sizes`: (A, 2), width and height of the images.
    """
    clipped = boxes.clip(0, np.tile(sizes, 2))
    return (clipped[:, 2:] > clipped[:, :2]).all(axis=1)


def check_boxes(
    dicts: list[dict], *, source: str, empty_boxes: str, content: CocoContent | None = None
) -> None:
    """Raise at, or drop in place, the annotations whose box has no area inside its image.

    `dicts`: records in Detectron2's format. `source`: the file they come from, or else the name of
    the data set. `empty_boxes`: "error" raises a UserError at the first, "skip" drops and logs.
    `content`: of the file, to name an annotation by its id.
    """
    annotations = [x for record in dicts for x in record.get("annotations", ())]
    boxes = box_array([xywh(annotation) for annotation in annotations])
    boxes[:, 2:] += boxes[:, :2]
    owner = np.repeat(np.arange(len(dicts)), [len(x.get("annotations", ())) for x in dicts])
    sizes = np.array([(x.get("width", np.inf), x.get("height", np.inf)) for x in dicts])
    faulty = np.flatnonzero(~has_area(boxes, sizes.reshape(-1, 2)[owner]))
    if not len(faulty):
        return
    empty = [(dicts[owner[k]], annotations[k]) for k in faulty]
    if empty_boxes == "error":
        record, annotation = empty[0]
        raise UserError(describe(annotation, record, source=source, content=content))
    dropped = {id(annotation) for _, annotation in empty}
    for record, _ in empty:
        record["annotations"] = [x for x in record["annotations"] if id(x) not in dropped]
    names = [f"{x.get('bbox')} in image id {record['image_id']}" for record, x in empty]
    logger.warning(
        f"Skipped {len(names)} annotations of {source} whose box has no area inside its image: "
        f"{', '.join(names[:NUM_SHOWN])}{', ...' if len(names) > NUM_SHOWN else ''}."
    )


def xywh(annotation: dict) -> Any:
    """The box of an annotation in Detectron2's format as COCO has it; None if it is no box."""
    box, mode = annotation.get("bbox"), annotation["bbox_mode"]
    if mode == BoxMode.XYWH_ABS and isinstance(box, list):
        return box
    try:
        corners = BoxMode.convert([float(side) for side in box], mode, BoxMode.XYXY_ABS)
        return BoxMode.convert(corners, BoxMode.XYXY_ABS, BoxMode.XYWH_ABS)
    except (AssertionError, NotImplementedError, OverflowError, TypeError, ValueError):
        return None


def describe(
    annotation: dict, record: dict, *, source: str, content: CocoContent | None = None
) -> str:
    # A file with a line for each image has no annotation ids.
    where = f"In {record.get('place', source)} an annotation"
    for original in content.annotations if content else ():
        if original["bbox"] is annotation["bbox"]:
            where = f"In {source}, annotation {original['id']}"
    return (
        f"{where} of image id {record['image_id']} has the box "
        f"{shown(annotation.get('bbox'), 120)}, which has no area inside the image of "
        f"{record.get('width')} x {record.get('height')}; repair it, or leave out such boxes with "
        '`dataloader.train.dataset.empty_boxes="skip"`.'
    )
