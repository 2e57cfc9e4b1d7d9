"""The built-in data set CrowdDigits on disk, laid out and written as CrowdHuman is."""

import json
import os
from pathlib import Path

import cv2

from dual_weighting.data.builtin import odgt_annotations
from dual_weighting.data.digits.files import write_data_set
from dual_weighting.data.digits.scenes import CROWD_DIGITS, DigitScenes, Scene, Split
from dual_weighting.data.formats.odgt import PERSON
from dual_weighting.utils.progress import with_progress

VERSION = 1  # to be raised with any change of a pixel or a box
JPEG_QUALITY = 95


def write_crowd_digits(
    root: str | os.PathLike, *, num_train: int = 400, num_val: int = 100
) -> bool:
    """Write `num_train` and `num_val` scenes with their annotations into the folder `root`.

    Everything else is as in `write_data_set`.
    """
    return write_data_set(
        root,
        name="CrowdDigits",
        version=VERSION,
        sizes={"train": num_train, "val": num_val},
        write_split=write_split,
        read_description=read_description,
    )


def read_description(root: Path, split: Split) -> str:
    """What `write_split` wrote of itself."""
    return description_file(root, split).read_text().strip()


def description_file(root: Path, split: Split) -> Path:
    return root / f"description_{split}.txt"


def write_split(root: Path, *, split: Split, size: int, description: str) -> None:
    images = root / "Images"
    images.mkdir(parents=True, exist_ok=True)
    scenes = DigitScenes(split=split, style=CROWD_DIGITS)
    lines = []
    for index in with_progress(range(size), description=f"CrowdDigits, {split} scenes"):
        scene, image_id = scenes[index], f"{split}_{index + 1:06d}"
        _, encoded = cv2.imencode(
            ".jpg",
            cv2.cvtColor(scene.image, cv2.COLOR_RGB2BGR),
            [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY],
        )
        (images / f"{image_id}.jpg").write_bytes(encoded.tobytes())
        lines.append(json.dumps(odgt_record(scene, image_id=image_id)))
    odgt_annotations(root, split=split).write_text("".join(f"{line}\n" for line in lines))
    description_file(root, split).write_text(f"{description}\n")


def odgt_record(scene: Scene, *, image_id: str) -> dict:
    """The line of a scene. All digits are of one class, whose tag is "person" as the format has it;
    heaps are regions to ignore."""
    height, width = scene.image.shape[:2]
    boxes = [(PERSON, digit.box) for digit in scene.digits]
    boxes += [("mask", heap) for heap in scene.heaps]
    return {
        "ID": image_id,
        "width": width,
        "height": height,
        "gtboxes": [{"tag": tag, "fbox": list(box), "extra": {}} for tag, box in boxes],
    }
