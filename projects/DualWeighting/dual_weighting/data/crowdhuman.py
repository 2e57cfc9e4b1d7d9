"""Data sets in CrowdHuman's format (Shao et al., 2018), with one JSON object per line and image."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.structures import BoxMode
from detectron2.utils.file_io import PathManager

from dual_weighting.data.checks.value_types import is_coco_box, is_flag, is_number, is_size
from dual_weighting.utils.errors import UserError

PERSON = "person"  # tag of persons; other boxes are regions to ignore


def register_crowdhuman(
    name: str, odgt_file: str | Path, image_root: str | Path, *, class_name: str = "person"
) -> None:
    """Register a data set with a single class, for boxes tagged "person"."""
    files = {"odgt_file": str(odgt_file), "image_root": str(image_root)}
    DatasetCatalog.register(name, partial(load_crowdhuman, **files))
    MetadataCatalog.get(name).set(**files, thing_classes=[class_name], evaluator_type="crowdhuman")


def load_crowdhuman(odgt_file: str, image_root: str) -> list[dict]:
    """Records in Detectron2's format. The image with ID x is the file x.jpg in `image_root`.
    Regions to ignore become crowds, `iscrowd=1`.

    The official files do not include image sizes; the mapper adds height and width to such records.

    Raises:
        UserError: a line is faulty, or its image does not exist.
    """
    present = set(PathManager.ls(image_root))
    records = []
    for image in read_ground_truths(odgt_file):
        file_name = f"{image.image_id}.jpg"
        if file_name not in present:
            raise UserError(
                f"{image.place} is about image {image.image_id}, but {image_root} does not contain "
                f"{file_name}; put it there, or remove the line."
            )
        height, width = image.size or (None, None)
        boxes = zip(image.boxes.tolist(), image.ignored.tolist(), strict=True)
        records.append(
            {
                "file_name": str(Path(image_root, file_name)),
                "image_id": image.image_id,
                "place": image.place,
                **({"height": height, "width": width} if image.size else {}),
                "annotations": [
                    {
                        "bbox": box,
                        "bbox_mode": BoxMode.XYWH_ABS,
                        "category_id": 0,
                        "iscrowd": int(ignored),
                    }
                    for box, ignored in boxes
                ],
            }
        )
    return records


@dataclass(frozen=True)
class OdgtImage:
    """A line of an .odgt file.

    Attributes:
        image_id: the ID of the image.
        place: "FILE, line NUMBER".
        boxes: (n, 4), x, y, width, height in pixels.
        ignored: (n,) bool, regions to ignore; all False for detections.
        scores: (n,); all 1 for ground truths.
        size: height and width of the image; None if the line has none.
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
        rules = [(box_key, is_coco_box, "4 finite numbers")]
        rules += [] if is_ground_truth else [("score", is_number, "a finite number")]
        for key, is_right, what in rules:
            for number, item in enumerate(items, start=1):
                if not is_right(item.get(key)):
                    raise UserError(
                        f'{place} box number {number} has the "{key}" {json.dumps(item.get(key))}, '
                        f"not {what}; correct it."
                    )
        size = record.get("height"), record.get("width")
        if size != (None, None) and not all(isinstance(x, int) and is_size(x) for x in size):
            raise UserError(
                f"{place} has the height {size[0]} and the width {size[1]}; correct or remove them."
            )
        yield OdgtImage(
            image_id=image_id,
            place=place,
            boxes=np.array([x[box_key] for x in items], np.float64).reshape(-1, 4),
            ignored=np.array([is_ground_truth and is_ignored(x, place) for x in items], bool),
            scores=np.array([1 if is_ground_truth else x["score"] for x in items], np.float64),
            size=None if size == (None, None) else size,
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
        number += isinstance(error, UnicodeDecodeError)  # of the line that could not be read
        raise UserError(
            f"{odgt_file}, line {number}, is not a JSON object ({error}); correct it, or write or "
            "download the file again."
        ) from error


def is_ignored(item: dict, place: str) -> bool:
    """Whether a ground truth is a region to ignore."""
    extra = item.get("extra") or {}
    if "tag" not in item or not isinstance(extra, dict):
        raise UserError(
            f'{place} has a box without a "tag" or whose "extra" is not an object; correct it.'
        )
    if not is_flag(extra.get("ignore", 0)):
        raise UserError(f'{place} has a box whose "ignore" is neither 0 nor 1; correct it.')
    return item["tag"] != PERSON or extra.get("ignore", 0) != 0
