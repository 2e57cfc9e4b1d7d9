"""The catalog entries of the built-in data sets, made at import as Detectron2 makes its own."""

import os
from pathlib import Path

from detectron2.data.datasets import register_coco_instances

ROOT_VARIABLE = "DETECTRON2_DATASETS"
DEFAULT_ROOT = "datasets"

DIGITS_SPLITS = {"digits_train": "train", "digits_val": "val"}
DIGITS_CLASSES = [str(digit) for digit in range(10)]


def datasets_root() -> Path:
    """The folder of all data sets, where Detectron2 looks for them too."""
    return Path(os.getenv(ROOT_VARIABLE, DEFAULT_ROOT)).expanduser()


def digits_root() -> Path:
    return datasets_root() / "digits"


def digits_annotations(root: Path, *, split: str) -> Path:
    return root / "annotations" / f"digits_{split}.json"


def register_digits(root: Path) -> None:
    for name, split in DIGITS_SPLITS.items():
        register_coco_instances(
            name,
            {"thing_classes": DIGITS_CLASSES},
            str(digits_annotations(root, split=split)),
            str(root / split),
        )


register_digits(digits_root())
