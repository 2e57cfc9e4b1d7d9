"""Data sets in CrowdHuman's format (Shao et al., 2018), read from its official files."""

from functools import partial
from pathlib import Path

from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.structures import BoxMode
from detectron2.utils.file_io import PathManager

from dual_weighting.data.formats.odgt import OdgtImage, read_ground_truths
from dual_weighting.utils.errors import UserError


def register_crowdhuman(
    name: str, odgt_file: str | Path, image_root: str | Path, *, class_name: str = "person"
) -> None:
    """Register a data set of one class, whatever its boxes of the tag "person" are."""
    files = {"odgt_file": str(odgt_file), "image_root": str(image_root)}
    DatasetCatalog.register(name, partial(load_crowdhuman, **files))
    MetadataCatalog.get(name).set(**files, thing_classes=[class_name], evaluator_type="crowdhuman")


def load_crowdhuman(odgt_file: str, image_root: str) -> list[dict]:
    """Records in Detectron2's format. The image of ID x is the file x.jpg in `image_root`. Regions
    to ignore are crowds, `iscrowd=1`.

    The official files do not say how large an image is; then the records have no height and width,
    and the mapper adds them.

    Raises:
        UserError: a line is faulty, or its image is not there.
    """
    present = set(PathManager.ls(image_root))
    return [
        record_of(image, image_root=image_root, present=present)
        for image in read_ground_truths(odgt_file)
    ]


def record_of(image: OdgtImage, *, image_root: str, present: set[str]) -> dict:
    file_name = f"{image.image_id}.jpg"
    if file_name not in present:
        raise UserError(
            f"{image.place} is about image {image.image_id} but {image_root} has no {file_name}; "
            "put it there, or remove the line."
        )
    size = {} if image.size is None else dict(zip(("height", "width"), image.size, strict=True))
    return {
        "file_name": str(Path(image_root, file_name)),
        "image_id": image.image_id,
        "place": image.place,
        **size,
        "annotations": [
            {
                "bbox": box,
                "bbox_mode": BoxMode.XYWH_ABS,
                "category_id": 0,
                "iscrowd": int(ignored),
            }
            for box, ignored in zip(image.boxes.tolist(), image.ignored.tolist(), strict=True)
        ],
    }
