"""The properties of a user's own COCO annotations that settings are derived from."""

import os
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from dual_weighting.data.catalog import register_own
from dual_weighting.data.checks.annotations import left_out, without_mask
from dual_weighting.data.checks.findings import Finding, check
from dual_weighting.data.checks.image_files import check_folder, missing_images
from dual_weighting.data.coco import read_coco


@dataclass(frozen=True)
class CocoFile:
    """A checked annotation file whose images all exist.

    Attributes:
        category_ids: ids of the categories, ascending.
        thing_classes: names of the categories.
        without_objects: file names of images without annotations other than crowds.
        most_objects: largest number of objects in an image.
        mask_format: Detectron2's format of the masks; "bitmask" reads both.
        without_mask: objects without a mask.
        unused: annotations that Detectron2 drops.
    """

    json_file: str
    image_root: str
    category_ids: list[int]
    thing_classes: list[str]
    num_images: int
    num_objects: int
    without_objects: list[str] = field(repr=False)
    most_objects: int
    mask_format: Literal["polygon", "bitmask"]
    without_mask: Finding = field(repr=False)
    unused: list[Finding] = field(repr=False)

    @property
    def name(self) -> str:
        """Name of the data set in Detectron2's catalogs."""
        return f"coco:{self.json_file}"

    def entry(self) -> dict:
        """The entry for this data set in a config, see `register_datasets`."""
        keys = ("name", "json_file", "image_root", "thing_classes", "category_ids")
        return {key: getattr(self, key) for key in keys}

    def check_masks(self) -> None:
        """Raise `UserError` unless all objects have a mask."""
        check([self.without_mask], self.json_file)

    def left_out(self) -> list[str]:
        """A sentence about each kind of unused annotation."""
        return [finding.sentence() for finding in self.unused if finding.items]


def read_coco_file(json_file: str, image_root: str | None = None) -> CocoFile:
    """Read and check an annotation file, and register it in Detectron2's catalogs.

    Args:
        image_root: by default the folder of the file.

    Raises:
        UserError: the file is missing or faulty, or an image is missing.
    """
    content = read_coco(json_file)
    image_root = check_folder(image_root or os.path.dirname(json_file) or ".")
    check([missing_images(content.images, image_root)], json_file)
    objects = content.objects()
    counts = Counter(x["image_id"] for x in objects)
    codes = any(isinstance(x.get("segmentation"), dict) for x in objects)
    file = CocoFile(
        json_file=os.path.abspath(json_file),
        image_root=os.path.abspath(image_root),
        category_ids=content.category_ids,
        thing_classes=content.class_names,
        num_images=len(content.images),
        num_objects=len(objects),
        without_objects=[x["file_name"] for x in content.images if x["id"] not in counts],
        most_objects=max(counts.values(), default=0),
        mask_format="bitmask" if codes else "polygon",
        without_mask=without_mask(content),
        unused=list(left_out(content)),
    )
    register_own(**file.entry())
    return file
