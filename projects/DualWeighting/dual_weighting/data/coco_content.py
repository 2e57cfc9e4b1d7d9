"""Reads files in COCO's format."""

import contextlib
import gc
import json
import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from detectron2.structures import BoxMode
from pycocotools import mask as rle

from dual_weighting.data.checks.value_types import basic_faults, is_coco_box
from dual_weighting.data.formats.recognition import other_format, other_json
from dual_weighting.utils.errors import UserError

# Keys of integers that may be written as floats.
INTEGERS = {
    "images": ("id", "height", "width"),
    "annotations": ("id", "image_id", "category_id"),
    "categories": ("id",),
}
MIN_POINTS = 3  # of a polygon; Detectron2 drops those with fewer


@dataclass(frozen=True, eq=False)
class CocoContent:
    """The content of a complete file with ids, names and values of the right types.

    Attributes:
        annotated: whether the file has "annotations"; files for test images have none.
    """

    json_file: str
    images: list[dict]
    annotations: list[dict]
    categories: list[dict]  # sorted by id
    annotated: bool = True

    @property
    def category_ids(self) -> list[int]:
        return [category["id"] for category in self.categories]

    @property
    def class_names(self) -> list[str]:
        return [category["name"] for category in self.categories]

    def objects(self) -> list[dict]:
        """Annotations of images in the file, without crowds."""
        known = self.size_of_image
        return [x for x in self.annotations if x["image_id"] in known and not x.get("iscrowd", 0)]

    def records(self, image_root: str) -> list[dict]:
        """Records in Detectron2's format, sorted by image id, like those of `load_coco_json`."""
        objects = defaultdict(list)
        class_of = {id_: k for k, id_ in enumerate(self.category_ids)}
        for annotation in self.annotations:
            entry = {
                "iscrowd": annotation.get("iscrowd", 0),
                "bbox": annotation["bbox"],
                "category_id": class_of[annotation["category_id"]],
                "bbox_mode": BoxMode.XYWH_ABS,
            }
            if mask := annotation.get("segmentation"):
                entry["segmentation"] = mask = detectron2_mask(mask)
                if not mask:
                    continue
            objects[annotation["image_id"]].append(entry)
        return [
            {
                "file_name": os.path.join(image_root, image["file_name"]),
                "height": image["height"],
                "width": image["width"],
                "image_id": image["id"],
                "annotations": objects[image["id"]],
            }
            for image in sorted(self.images, key=lambda image: image["id"])
        ]

    @cached_property
    def size_of_image(self) -> dict[int | str, list[int]]:
        """Height and width by image id."""
        return {image["id"]: [image["height"], image["width"]] for image in self.images}

    def ground_truth(self) -> dict:
        """The ground truth for evaluators: annotations with an image and a box, each with an area
        and a positive integer id."""
        sound = all(type(x["id"]) is int and x["id"] > 0 for x in self.annotations)
        annotations = []
        for number, annotation in enumerate(self.annotations, start=1):
            size = self.size_of_image.get(annotation["image_id"])
            if size is None or not is_coco_box(annotation["bbox"]):
                continue
            width, height = annotation["bbox"][2:]
            entry = {
                "id": annotation["id"] if sound else number,
                "image_id": annotation["image_id"],
                "category_id": annotation["category_id"],
                "bbox": annotation["bbox"],
                "area": annotation.get("area", width * height),
                "iscrowd": int(annotation.get("iscrowd", 0)),
            }
            if mask := annotation.get("segmentation"):
                if isinstance(mask, list):
                    empty = {"size": size, "counts": [size[0] * size[1]]}
                    mask = [polygon for polygon in mask if is_polygon(polygon)] or empty
                entry["segmentation"] = mask
            annotations.append(entry)
        return {
            "info": {},
            "images": [
                {key: image[key] for key in ("id", "file_name", "height", "width")}
                for image in self.images
            ],
            "annotations": annotations,
            "categories": [{"id": x["id"], "name": x["name"]} for x in self.categories],
        }


def has_polygon(annotation: dict) -> bool:
    """Whether Detectron2 keeps the annotation: it drops lists of polygons with fewer than three
    points."""
    mask = annotation.get("segmentation")
    return not mask or isinstance(mask, dict) or any(map(is_polygon, mask))


def is_polygon(numbers: list[float]) -> bool:
    return len(numbers) >= 2 * MIN_POINTS and len(numbers) % 2 == 0


def detectron2_mask(mask: list | dict) -> list | dict:
    if isinstance(mask, list):
        return [polygon for polygon in mask if is_polygon(polygon)]
    return rle.frPyObjects(mask, *mask["size"]) if isinstance(mask["counts"], list) else mask


def parse_coco(file: str, *, name: str | None = None) -> CocoContent:
    """Parse a file, whose ids, boxes and masks may still have faults.

    Raises:
        UserError: the file, called `name`, cannot be read or lacks a part, or a value has a wrong
            type.
    """
    name = name or file
    content = read_json(file, name=name)
    if other := other_json(content):
        raise UserError(f"{name} is {other}.")
    if fault := next(basic_faults(content), None):
        raise UserError(f"In {name}, {fault}.")
    for part, keys in INTEGERS.items():
        make_whole(content.get(part, ()), keys)
    return CocoContent(
        json_file=name,
        images=content["images"],
        annotations=content.get("annotations", []),
        categories=sorted(content["categories"], key=lambda category: category["id"]),
        annotated="annotations" in content,
    )


def make_whole(items: list[dict], keys: tuple[str, ...]) -> None:
    """Convert integers written as floats in place."""
    for key in keys:
        if float in {type(item[key]) for item in items}:
            for item in items:
                if isinstance(item[key], float):
                    item[key] = int(item[key])


def read_json(file: str, *, name: str | None = None) -> Any:
    """The content of a JSON file in UTF-8, UTF-16 or UTF-32, with or without a byte order mark.

    Raises:
        UserError: the file, called `name`, cannot be read.
    """
    name = name or file
    if os.path.isdir(file):
        raise UserError(f"{name} is {other_format(file) or 'a folder: name a JSON file in it'}.")
    if not os.path.isfile(file):
        raise UserError(f"The annotation file {name} does not exist.")
    try:
        with open(file, "rb") as stream:
            content = stream.read()
        repeated = any(content.count(b'"%s"' % part.encode()) > 1 for part in INTEGERS)
        text = content.decode(json.detect_encoding(content))
        del content
        return json.loads(text, object_pairs_hook=unique_keys if repeated else None)
    except UnicodeDecodeError as error:
        raise UserError(
            f"{name} is not in UTF-8 (byte {error.start}: {error.reason}); save it in UTF-8."
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        what = other_format(file) or f"not valid JSON ({error}); write or download it again"
        raise UserError(f"{name} is {what}.") from error


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A dictionary of these pairs; raises `ValueError` for repeated keys, of which JSON would keep
    the last."""
    content = dict(pairs)
    if len(content) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in content if keys.count(key) > 1)
        raise ValueError(f'the key "{twice}" is repeated in one object')
    return content


@contextlib.contextmanager
def collecting_no_garbage() -> Iterator[None]:
    """Disable garbage collection, which would repeatedly scan millions of new objects."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
