"""The built-in data sets, registered at import like Detectron2's own."""

import difflib
import os
from pathlib import Path

from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.data.datasets import register_coco_instances
from detectron2.utils.file_io import PathManager

from dual_weighting.data.crowdhuman import register_crowdhuman
from dual_weighting.utils.errors import UserError

ROOT_VARIABLE = "DETECTRON2_DATASETS"
DEFAULT_ROOT = "datasets"
DIGITS_CLASSES = [str(digit) for digit in range(10)]
PREPARED_BY = {  # by the first part of the name
    "digits_": "python tools/prepare_digits.py",
    "crowd_digits_": "python tools/prepare_digits.py --crowd",
}


def datasets_root() -> Path:
    """The root folder of data sets, the same as for Detectron2."""
    return Path(os.getenv(ROOT_VARIABLE, DEFAULT_ROOT)).expanduser()


def digits_root() -> Path:
    return datasets_root() / "digits"


def crowd_digits_root() -> Path:
    return datasets_root() / "crowd_digits"


def digits_annotations(root: Path, *, split: str) -> Path:
    return root / "annotations" / f"digits_{split}.json"


def odgt_annotations(root: Path, *, split: str) -> Path:
    return root / f"annotation_{split}.odgt"


def register_digits(root: Path) -> None:
    for split in ("train", "val"):
        register_coco_instances(
            f"digits_{split}",
            {"thing_classes": DIGITS_CLASSES},
            str(digits_annotations(root, split=split)),
            str(root / split),
        )


def register_crowds(name: str, root: Path, *, class_name: str) -> None:
    """Register data sets in CrowdHuman's layout, with one folder for all images."""
    for split in ("train", "val"):
        annotations = odgt_annotations(root, split=split)
        register_crowdhuman(f"{name}_{split}", annotations, root / "Images", class_name=class_name)


register_digits(digits_root())
register_crowds("crowdhuman", datasets_root() / "crowdhuman", class_name="person")
register_crowds("crowd_digits", crowd_digits_root(), class_name="digit")


def check_in_place(name: str) -> None:
    """Raise `UserError` unless `name` is registered and its annotations and images exist."""
    if name not in DatasetCatalog:
        close = difflib.get_close_matches(name, DatasetCatalog.keys())
        hint = f"did you mean {' or '.join(close)}?" if close else "register it before."
        raise UserError(f"There is no data set named {name}; {hint}")
    metadata = MetadataCatalog.get(name)
    for key, what in (("json_file", "file"), ("odgt_file", "file"), ("image_root", "folder")):
        path = metadata.get(key)
        exists = {"file": PathManager.isfile, "folder": PathManager.isdir}[what]
        if path is not None and not exists(path):
            raise UserError(
                f"The {what} {path} of data set {name} does not exist; {remedy(name, path)}."
            )


def remedy(name: str, path: str) -> str:
    """What to do if `path` of data set `name` is missing."""
    command = next((x for prefix, x in PREPARED_BY.items() if name.startswith(prefix)), None)
    if command is None and not path.startswith(str(datasets_root())):
        return "put it there, or correct its registered path"
    value = os.getenv(ROOT_VARIABLE)
    now = f"not set, so it is {DEFAULT_ROOT}" if value is None else f"now {value}"
    return (
        f"{f'make it with `{command}`' if command else 'put it there'}, or let {ROOT_VARIABLE} "
        f"name the folder of your data sets ({now})"
    )
