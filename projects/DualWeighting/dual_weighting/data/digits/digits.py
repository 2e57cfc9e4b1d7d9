"""The built-in data set Digits on disk: COCO JSON and PNG files, there completely or not at all."""

import json
import os
from pathlib import Path

import cv2
import numpy as np
from pycocotools import mask as rle

from dual_weighting.data.builtin import DIGITS_CLASSES, digits_annotations
from dual_weighting.data.digits.files import write_data_set
from dual_weighting.data.digits.scenes import DIGITS, DigitScenes, Scene, Split
from dual_weighting.utils.progress import with_progress

VERSION = 2  # to be raised with any change of a pixel, a box or a mask


def write_digits(root: str | os.PathLike, *, num_train: int = 1000, num_val: int = 300) -> bool:
    """Write `num_train` and `num_val` scenes with their annotations into the folder `root`.

    Everything else is as in `write_data_set`.
    """
    return write_data_set(
        root,
        name="Digits",
        version=VERSION,
        sizes={"train": num_train, "val": num_val},
        write_split=write_split,
        read_description=read_description,
    )


def read_description(root: Path, split: Split) -> str:
    """What `write_split` wrote of itself."""
    return json.loads(digits_annotations(root, split=split).read_text())["info"]["description"]


def write_split(root: Path, *, split: Split, size: int, description: str) -> None:
    folder = root / split
    folder.mkdir(parents=True)
    scenes = DigitScenes(split=split)
    images, annotations = [], []
    for index in with_progress(range(size), description=f"Digits, {split} scenes"):
        scene, image_id = scenes[index], index + 1
        file_name = f"{image_id:06d}.png"
        _, encoded = cv2.imencode(".png", cv2.cvtColor(scene.image, cv2.COLOR_RGB2BGR))
        (folder / file_name).write_bytes(encoded.tobytes())
        images.append(
            {"id": image_id, "file_name": file_name, "height": DIGITS.size, "width": DIGITS.size}
        )
        annotations += coco_annotations(scene, image_id=image_id, first_id=len(annotations) + 1)
    content = {
        "info": {"description": description},
        "images": images,
        "annotations": annotations,
        "categories": [
            {"id": number, "name": name} for number, name in enumerate(DIGITS_CLASSES, start=1)
        ],
    }
    annotations_file = digits_annotations(root, split=split)
    annotations_file.parent.mkdir(exist_ok=True)
    annotations_file.write_text(json.dumps(content))


def coco_annotations(scene: Scene, *, image_id: int, first_id: int) -> list[dict]:
    """COCO's annotations of a scene. The mask of a digit is its ink that is not covered. `area` is
    that of the box, as COCO's tools take it of a predicted box: small, medium and large then mean
    the same of both."""
    return [
        {
            "id": first_id + number,
            "image_id": image_id,
            "category_id": digit.label + 1,
            "bbox": list(digit.box),
            "segmentation": run_lengths(scene.owner == number),
            "area": digit.box[2] * digit.box[3],
            "iscrowd": 0,
        }
        for number, digit in enumerate(scene.digits)
    ]


def run_lengths(mask: np.ndarray) -> dict:
    """A mask (H, W) as COCO writes it, compressed, for JSON."""
    encoded = rle.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {"size": encoded["size"], "counts": encoded["counts"].decode()}
