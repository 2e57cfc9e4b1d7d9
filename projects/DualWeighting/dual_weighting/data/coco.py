"""Loading data sets of Detectron2's catalogs, with each fault in the data said in one sentence."""

import difflib
import itertools
import os
from collections.abc import Sequence
from typing import Literal

from detectron2.data import DatasetCatalog, MetadataCatalog, build
from detectron2.utils.file_io import PathManager

from dual_weighting.data.boxes import check_boxes
from dual_weighting.data.builtin import (
    CROWD_DIGITS_SPLITS,
    DEFAULT_ROOT,
    DIGITS_SPLITS,
    ROOT_VARIABLE,
    datasets_root,
)
from dual_weighting.data.faults import find_fault
from dual_weighting.errors import UserError

EmptyBoxes = Literal["error", "skip"]
FAULTS = (
    *(ArithmeticError, AssertionError, AttributeError, LookupError, OSError, RecursionError),
    *(TypeError, ValueError),
)


def get_detection_dataset_dicts(
    *, names: str | Sequence[str], filter_empty: bool = True, empty_boxes: EmptyBoxes = "error"
) -> list[dict]:
    """The records of the data sets `names`, in Detectron2's format.

    `filter_empty` leaves out images without an annotation other than crowds (Detectron2 logs their
    number). `empty_boxes` says what to do about boxes without any area inside their image: "error"
    raises, "skip" leaves them out and logs which.

    Raises:
        UserError: a data set is unknown or not in place, or its annotations are faulty.
    """
    if empty_boxes not in ("error", "skip"):
        raise UserError(f'empty_boxes is {empty_boxes!r}; set it to "error" or "skip".')
    names = [names] if isinstance(names, str) else list(names)
    for name in names:
        check_in_place(name)
    dicts = list(
        itertools.chain.from_iterable(load(name, empty_boxes=empty_boxes) for name in names)
    )
    if len(names) > 1:
        check_same_classes(names)
    if filter_empty and "annotations" in dicts[0]:
        dicts = build.filter_images_with_only_crowd_annotations(dicts)
    if not dicts:
        raise UserError(
            f"No image of {', '.join(names)} has an annotation to train on; annotate some, or set "
            "filter_empty=False."
        )
    return dicts


def load(name: str, *, empty_boxes: EmptyBoxes) -> list[dict]:
    """All records of one data set, with checked boxes."""
    json_file = MetadataCatalog.get(name).get("json_file")
    try:
        dicts = build.get_detection_dataset_dicts(name, filter_empty=False)
        check_crowds(dicts)
        check_boxes(dicts, source=json_file or name, empty_boxes=empty_boxes)
    except FAULTS as error:
        # What Detectron2 and pycocotools stumble over in a faulty file.
        if json_file is None:
            raise
        raise UserError(find_fault(json_file, dataset_name=name, error=error)) from error
    return dicts


def check_crowds(dicts: Sequence[dict]) -> None:
    """Raise a ValueError at an "iscrowd" that is neither 0 nor 1, which nobody else would notice:
    what is not 0 is left out of the training."""
    for record in dicts:
        for annotation in record.get("annotations", ()):
            if annotation.get("iscrowd", 0) not in (0, 1):
                raise ValueError(f"iscrowd is {annotation['iscrowd']!r}")


def check_in_place(name: str) -> None:
    """Raise a UserError unless `name` is registered and its annotation file and images exist."""
    if name not in DatasetCatalog:
        close = difflib.get_close_matches(name, DatasetCatalog.keys())
        hint = f"did you mean {' or '.join(close)}?" if close else "register it before."
        raise UserError(f"There is no data set called {name}; {hint}")
    metadata = MetadataCatalog.get(name)
    for key, what in (("json_file", "file"), ("odgt_file", "file"), ("image_root", "folder")):
        path = metadata.get(key)
        exists = {"file": PathManager.isfile, "folder": PathManager.isdir}[what]
        if path is not None and not exists(path):
            raise UserError(
                f"Data set {name} is not in place, there is no {what} {path}; {remedy(name, path)}."
            )


def remedy(name: str, path: str) -> str:
    """What to do if `path` of data set `name` does not exist."""
    if name in DIGITS_SPLITS:
        make = "make it with `python tools/prepare_digits.py`, or "
    elif name in CROWD_DIGITS_SPLITS:
        make = "make it with `python tools/prepare_digits.py --crowd`, or "
    elif path.startswith(str(datasets_root())):
        make = "put it there, or "
    else:
        return "put it there, or correct the path it is registered with"
    value = os.getenv(ROOT_VARIABLE)
    now = f"not set, so it is {DEFAULT_ROOT}" if value is None else f"now {value}"
    return f"{make}let {ROOT_VARIABLE} name the folder of your data sets ({now})"


def check_same_classes(names: Sequence[str]) -> None:
    """Raise a UserError unless the data sets, all loaded, agree in their classes."""
    first = MetadataCatalog.get(names[0]).get("thing_classes")
    for name in names[1:]:
        if MetadataCatalog.get(name).get("thing_classes") != first:
            raise UserError(
                f"Data sets {names[0]} and {name} have different classes; give both the same "
                "categories in the same order to use them together."
            )
