"""The built-in data sets Digits and CrowdDigits on disk: there completely or not at all."""

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from pycocotools import mask as rle

from dual_weighting.data.builtin import DIGITS_CLASSES, digits_annotations, odgt_annotations
from dual_weighting.data.crowdhuman import PERSON
from dual_weighting.data.digits.scenes import CROWD_DIGITS, DIGITS, DigitScenes, Scene, Split
from dual_weighting.utils.errors import UserError
from dual_weighting.utils.progress import with_progress

# To be raised with any change of a pixel, a box or a mask.
DIGITS_VERSION = "Digits version 2"
CROWD_DIGITS_VERSION = "CrowdDigits version 1"
VERSION_FILE = "version.txt"
JPEG_QUALITY = 95


def write_digits(root: str | os.PathLike, *, num_train: int = 1000, num_val: int = 300) -> bool:
    """Write `num_train` and `num_val` scenes as PNG files with COCO's annotations.

    The same version writes the same bytes. The scenes are written into a temporary folder next to
    `root` that takes its name at the end, so an interrupted run leaves no `root`.

    Returns:
        Whether anything was written: False if the same data set is already there.

    Raises:
        UserError: `root` holds something else, or cannot be written.
    """
    return write_data_set(root, DIGITS_VERSION, write_split, train=num_train, val=num_val)


def write_crowd_digits(
    root: str | os.PathLike, *, num_train: int = 400, num_val: int = 100
) -> bool:
    """Like `write_digits`, but CrowdDigits as JPEG files with CrowdHuman's annotations."""
    version = CROWD_DIGITS_VERSION
    return write_data_set(root, version, write_crowd_split, train=num_train, val=num_val)


def write_data_set(
    root: str | os.PathLike, version: str, write: Callable[..., None], **sizes: int
) -> bool:
    """`write`: called with (folder, split=, size=). `sizes`: scenes of each split."""
    root = Path(root)
    for split, size in sizes.items():
        if size < 1:
            raise UserError(f"Digits cannot have {size} {split} scenes; ask for at least 1.")
    what = f"{version}, " + " and ".join(f"{size} {split}" for split, size in sizes.items())
    try:
        if root.exists() and not (root.is_dir() and not any(root.iterdir())):
            file = root / VERSION_FILE
            if file.is_file() and file.read_text(encoding="utf-8") == what:
                return False
            raise UserError(
                f"{root} holds something other than {what} scenes; remove the folder or choose "
                "another with --root."
            )
        root.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root.parent, prefix=f"{root.name}.partial-") as folder:
            partial = Path(folder) / root.name
            partial.mkdir()
            for split, size in sizes.items():
                write(partial, split=split, size=size)
            (partial / VERSION_FILE).write_text(what, encoding="utf-8")
            os.replace(partial, root)
    except OSError as error:
        raise UserError(
            f"Digits cannot be written to {root} ({error.strerror or error}); make room there or "
            "choose a folder you may write to with --root or DETECTRON2_DATASETS."
        ) from error
    return True


def write_image(file: Path, scene: Scene, *options: int) -> None:
    _, encoded = cv2.imencode(file.suffix, cv2.cvtColor(scene.image, cv2.COLOR_RGB2BGR), options)
    file.write_bytes(encoded.tobytes())


def write_split(root: Path, *, split: Split, size: int) -> None:
    (root / split).mkdir()
    scenes = DigitScenes(split=split)
    images, annotations = [], []
    for index in with_progress(range(size), description=f"Digits, {split} scenes"):
        scene, image_id = scenes[index], index + 1
        file_name = f"{image_id:06d}.png"
        write_image(root / split / file_name, scene)
        images.append(
            {"id": image_id, "file_name": file_name, "height": DIGITS.size, "width": DIGITS.size}
        )
        annotations += coco_annotations(scene, image_id=image_id, first_id=len(annotations) + 1)
    content = {
        "info": {"description": f"{DIGITS_VERSION}, {size} {split} scenes"},
        "images": images,
        "annotations": annotations,
        "categories": [
            {"id": number, "name": name} for number, name in enumerate(DIGITS_CLASSES, start=1)
        ],
    }
    file = digits_annotations(root, split=split)
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(content), encoding="utf-8")


def coco_annotations(scene: Scene, *, image_id: int, first_id: int) -> list[dict]:
    """COCO's annotations of a scene. The mask of a digit is its visible ink. `area` is that of the
    box, as COCO's tools take it of a predicted box: small, medium and large then mean the same of
    both."""
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


def write_crowd_split(root: Path, *, split: Split, size: int) -> None:
    (root / "Images").mkdir(exist_ok=True)
    scenes = DigitScenes(split=split, style=CROWD_DIGITS)
    lines = []
    for index in with_progress(range(size), description=f"CrowdDigits, {split} scenes"):
        scene, image_id = scenes[index], f"{split}_{index + 1:06d}"
        file = root / "Images" / f"{image_id}.jpg"
        write_image(file, scene, cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY)
        lines.append(json.dumps(odgt_record(scene, image_id=image_id)))
    odgt_annotations(root, split=split).write_text("".join(f"{line}\n" for line in lines))


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
