"""Loading data sets of Detectron2's catalogs, with each fault in the data said in one sentence."""

import contextlib
import difflib
import itertools
import os
from collections.abc import Sequence
from typing import Literal
from weakref import WeakValueDictionary

from detectron2.data import DatasetCatalog, MetadataCatalog, build
from detectron2.data.datasets import register_coco_instances
from detectron2.utils.file_io import PathManager

from dual_weighting.data.builtin import (
    CROWD_DIGITS_SPLITS,
    DEFAULT_ROOT,
    DIGITS_SPLITS,
    ROOT_VARIABLE,
    datasets_root,
)
from dual_weighting.data.checks.annotations import first_fault
from dual_weighting.data.checks.box_values import check_boxes
from dual_weighting.data.coco_content import CocoContent, collecting_no_garbage, parse_coco
from dual_weighting.utils.errors import UserError

EmptyBoxes = Literal["error", "skip"]

_in_use: WeakValueDictionary[tuple, CocoContent] = WeakValueDictionary()


def read_coco(json_file: str | os.PathLike) -> CocoContent:
    """The content of a file in COCO's format in which nothing is faulty but, perhaps, boxes.

    While anything refers to it, the same object is returned without another look into the file.

    Raises:
        UserError: the file cannot be read, or the first fault in it.
    """
    file = PathManager.get_local_path(str(json_file))
    key = identity(file)
    content = _in_use.get(key)
    if content is None:
        with collecting_no_garbage():
            content = parse_coco(file, name=str(json_file))
            fault = first_fault(content)
        if fault:
            raise UserError(f"In {json_file}, {fault}.")
        _in_use[key] = content
    return content


def content_in_use(json_file: str) -> CocoContent | None:
    """The content of a file that has been read, if anything refers to it still."""
    return _in_use.get(identity(json_file))


def identity(file: str) -> tuple:
    with contextlib.suppress(OSError):
        status = os.stat(file)
        return os.path.realpath(file), status.st_mtime_ns, status.st_size
    return (file,)


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
    with collecting_no_garbage():
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
    content = content_of(name)
    if content is None:
        dicts = build.get_detection_dataset_dicts(name, filter_empty=False)
    else:
        entry = DatasetCatalog[name]
        dicts = (entry if isinstance(entry, CocoEntry) else CocoEntry(name))()
    source = MetadataCatalog.get(name).get("json_file") or name
    check_boxes(dicts, source=source, empty_boxes=empty_boxes, content=content)
    return dicts


class CocoEntry:
    """A data set in COCO's format, as Detectron2's catalog has it.

    Keeps the content that was read to choose settings until its records are asked for.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._kept: CocoContent | None = None

    def __call__(self) -> list[dict]:
        metadata = MetadataCatalog.get(self.name)
        content = read_coco(metadata.json_file)
        self._kept = None
        set_classes(self.name, content)
        return content.records(metadata.image_root)

    def keep(self, content: CocoContent | None) -> None:
        self._kept = content


def is_coco(name: str) -> bool:
    """Whether it is in COCO's format, registered here or by Detectron2."""
    entry = DatasetCatalog[name]
    of_detectron2 = register_coco_instances.__name__
    return isinstance(entry, CocoEntry) or (
        getattr(entry, "__qualname__", "").startswith(of_detectron2)
    )


def content_of(name: str | None) -> CocoContent | None:
    """The content of the file of a data set; None where it has no file in COCO's format."""
    if name is None or name not in DatasetCatalog or not is_coco(name):
        return None
    return read_coco(MetadataCatalog.get(name).json_file)


def set_classes(name: str, content: CocoContent) -> None:
    """Say in Detectron2's metadata what the classes are, as its `load_coco_json` does.

    Raises:
        UserError: other classes were registered.
    """
    metadata = MetadataCatalog.get(name)
    registered = metadata.get("thing_classes", content.class_names)
    if registered != content.class_names:
        raise UserError(
            f"In {content.json_file}, the categories are {content.class_names} but data set {name} "
            f"is registered with {registered}; make them agree."
        )
    metadata.thing_classes = content.class_names
    metadata.thing_dataset_id_to_contiguous_id = {
        id_: k for k, id_ in enumerate(content.category_ids)
    }


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
