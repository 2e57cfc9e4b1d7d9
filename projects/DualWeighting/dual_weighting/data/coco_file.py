"""What a training needs to know of a person's own file of annotations in COCO's format."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from dual_weighting.data.catalog import register_own
from dual_weighting.data.checks.annotations import called
from dual_weighting.data.coco import read_coco
from dual_weighting.data.coco_content import CocoContent, has_polygon
from dual_weighting.utils.errors import UserError

NUM_SHOWN = 5  # things of a kind that a sentence names


@dataclass(frozen=True)
class CocoFile:
    """A checked file, whose images are all there.

    Attributes:
        category_ids, thing_classes: ids, by rising order, and names of the categories.
        without_objects: files of the images that have no annotation, or only crowds.
        without_image: annotations of images that the file does not list.
        without_polygon: annotations that Detectron2 leaves out, because their mask has no polygon
            of three points.
        num_without_mask, first_without_mask: objects without a mask.
        most_objects: in an image.
        mask_format: what Detectron2 calls the way the masks are written; "bitmask" reads both.
    """

    json_file: str
    image_root: str
    category_ids: list[int]
    thing_classes: list[str]
    num_images: int
    num_objects: int
    without_objects: list[str] = field(repr=False)
    without_image: list[str] = field(repr=False)
    without_polygon: list[str] = field(repr=False)
    most_objects: int
    num_without_mask: int
    first_without_mask: str = field(repr=False)
    mask_format: Literal["polygon", "bitmask"]

    @property
    def name(self) -> str:
        """Of the data set in Detectron2's catalogs."""
        return f"coco:{self.json_file}"

    def entry(self) -> dict:
        """What a config says of this data set, see `of_config`."""
        keys = ("name", "json_file", "image_root", "thing_classes", "category_ids")
        return {key: getattr(self, key) for key in keys}

    def left_out(self) -> list[str]:
        """A sentence about each kind of thing that is not used."""
        kinds = (
            (self.without_image, "annotations belong to no image of the file"),
            (self.without_polygon, "annotations have a mask without a polygon of three points"),
        )
        return [
            f"{len(items)} {what} and are left out: {some(items)}."
            for items, what in kinds
            if items
        ]


def read_coco_file(json_file: str, image_root: str | None = None) -> CocoFile:
    """Read and check a file, and put it into Detectron2's catalogs; `image_root` is its own folder
    if None.

    Raises:
        UserError: the file is missing or faulty, or an image is not there.
    """
    content = read_coco(json_file)
    image_root = check_folder(image_root or os.path.dirname(json_file) or ".")
    check_images_exist(content.images, json_file=json_file, image_root=image_root)
    file = summarize(content, json_file=json_file, image_root=image_root)
    register_own(**file.entry())
    return file


def check_folder(image_root: str) -> str:
    if not os.path.isdir(image_root):
        raise UserError(f"The folder of images {image_root} does not exist.")
    return image_root


def check_images_exist(images: Sequence[dict], *, json_file: str, image_root: str) -> None:
    missing = missing_images(images, image_root)
    if missing:
        others = f" (nor are {len(missing) - 1} others of the file)" if missing[1:] else ""
        raise UserError(
            f"Image id {missing[0]['id']} of {json_file} is not there: "
            f"{os.path.join(image_root, missing[0]['file_name'])} does not exist{others}; "
            "correct the folder of images or the file names."
        )


def missing_images(images: Sequence[dict], image_root: str) -> list[dict]:
    return [x for x in images if not os.path.isfile(os.path.join(image_root, x["file_name"]))]


def summarize(content: CocoContent, *, json_file: str, image_root: str) -> CocoFile:
    objects, outside, without_polygon = [], [], []
    for annotation in content.annotations:
        if annotation["image_id"] not in content.size_of_image:
            outside.append(annotation)
            continue
        if not has_polygon(annotation):
            without_polygon.append(annotation)
        if not annotation.get("iscrowd", 0):
            objects.append(annotation)
    with_objects = {annotation["image_id"] for annotation in objects}
    without_mask = [x for x in objects if not x.get("segmentation")]
    codes = any(isinstance(x.get("segmentation"), dict) for x in objects)
    return CocoFile(
        json_file=os.path.abspath(json_file),
        image_root=os.path.abspath(image_root),
        category_ids=content.category_ids,
        thing_classes=content.class_names,
        num_images=len(content.images),
        num_objects=len(objects),
        without_objects=[x["file_name"] for x in content.images if x["id"] not in with_objects],
        without_image=[called(x) for x in outside],
        without_polygon=[called(x) for x in without_polygon],
        most_objects=max(Counter(x["image_id"] for x in objects).values(), default=0),
        num_without_mask=len(without_mask),
        first_without_mask=called(without_mask[0]) if without_mask else "",
        mask_format="bitmask" if codes else "polygon",
    )


def some(items: Sequence[str], number: int = NUM_SHOWN) -> str:
    """The first few of the items."""
    return ", ".join(items[:number]) + (", ..." if len(items) > number else "")
