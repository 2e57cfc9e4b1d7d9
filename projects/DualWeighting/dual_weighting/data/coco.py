"""Loads data sets of Detectron2's catalogs, and reports faults in them in one sentence."""

import contextlib
import itertools
import logging
import os
from collections.abc import Sequence
from typing import Literal
from weakref import WeakValueDictionary

import numpy as np
from detectron2.data import DatasetCatalog, MetadataCatalog, build
from detectron2.data.datasets import register_coco_instances
from detectron2.structures import BoxMode
from detectron2.utils.file_io import PathManager

from dual_weighting.data.builtin import check_in_place
from dual_weighting.data.checks.annotations import different_classes, faults
from dual_weighting.data.checks.findings import check, some
from dual_weighting.data.checks.table import box_array, has_area
from dual_weighting.data.checks.value_types import shown
from dual_weighting.data.coco_content import CocoContent, collecting_no_garbage, parse_coco
from dual_weighting.utils.errors import UserError

logger = logging.getLogger(__name__)

EmptyBoxes = Literal["error", "skip"]

_in_use: WeakValueDictionary[tuple, CocoContent] = WeakValueDictionary()


def read_coco(json_file: str | os.PathLike) -> CocoContent:
    """The content of a file in COCO's format that has no faults, except perhaps in its boxes.

    While the content is referenced, the same object is returned without reading the file again.

    Raises:
        UserError: the file cannot be read, or has a fault; the first one is reported.
    """
    file = PathManager.get_local_path(str(json_file))
    key = identity(file)
    content = _in_use.get(key)
    if content is None:
        with collecting_no_garbage():
            content = parse_coco(file, name=str(json_file))
            check(faults(content), str(json_file))
        _in_use[key] = content
    return content


def content_in_use(json_file: str) -> CocoContent | None:
    """The content of a file that has been read and is still referenced, or None."""
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

    Args:
        filter_empty: drop images without annotations other than crowds (Detectron2 logs how many).
        empty_boxes: for boxes without area inside their image, "error" raises, and "skip" drops
            and logs them.

    Raises:
        UserError: a data set is unknown or not in place, or its annotations are faulty.
    """
    if empty_boxes not in ("error", "skip"):
        raise UserError(f'empty_boxes must be "error" or "skip", got {empty_boxes!r}.')
    names = [names] if isinstance(names, str) else list(names)
    for name in names:
        check_in_place(name)
    with collecting_no_garbage():
        dicts = list(
            itertools.chain.from_iterable(load(name, empty_boxes=empty_boxes) for name in names)
        )
    classes = [MetadataCatalog.get(name).get("thing_classes") for name in names]
    for name, other in zip(names, classes, strict=True):
        check([different_classes(classes[0] or [], names[0], other or [])], name)
    if filter_empty and "annotations" in dicts[0]:
        dicts = build.filter_images_with_only_crowd_annotations(dicts)
    if not dicts:
        raise UserError(
            f"No image in {', '.join(names)} has annotations to train on; annotate some, or set "
            "filter_empty=False."
        )
    return dicts


def load(name: str, *, empty_boxes: EmptyBoxes) -> list[dict]:
    """All records of a data set, with checked boxes."""
    content = content_of(name)
    if content is None:
        dicts = build.get_detection_dataset_dicts(name, filter_empty=False)
    else:
        entry = DatasetCatalog[name]
        dicts = (entry if isinstance(entry, CocoEntry) else CocoEntry(name))()
    source = MetadataCatalog.get(name).get("json_file") or name
    check_boxes(dicts, source=source, empty_boxes=empty_boxes, content=content)
    return dicts


def content_of(name: str | None) -> CocoContent | None:
    """The content of a data set's file; None if it has no file in COCO's format."""
    if name is None or name not in DatasetCatalog:
        return None
    entry = DatasetCatalog[name]
    if not isinstance(entry, CocoEntry) and not getattr(entry, "__qualname__", "").startswith(
        register_coco_instances.__name__  # of Detectron2
    ):
        return None
    return read_coco(MetadataCatalog.get(name).json_file)


class CocoEntry:
    """A data set in COCO's format in Detectron2's catalog.

    Caches content that was read to derive settings until its records are requested.
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


def set_classes(name: str, content: CocoContent) -> None:
    """Set the classes in Detectron2's metadata, like its `load_coco_json`.

    Raises:
        UserError: the data set was registered with other classes.
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


def check_boxes(
    dicts: list[dict], *, source: str, empty_boxes: str, content: CocoContent | None = None
) -> None:
    """Raise for, or drop in place, annotations whose box has no area inside the image.

    Args:
        dicts: records in Detectron2's format.
        source: their file, or else the name of the data set.
        empty_boxes: "error" raises `UserError` for the first, "skip" drops and logs them.
        content: of the file, to name annotations by id.
    """
    annotations = [x for record in dicts for x in record.get("annotations", ())]
    boxes = box_array([x.get("bbox") for x in annotations])
    has_sides = np.array([x["bbox_mode"] == BoxMode.XYWH_ABS for x in annotations], dtype=bool)
    boxes[has_sides, 2:] += boxes[has_sides, :2]
    owner = np.repeat(np.arange(len(dicts)), [len(x.get("annotations", ())) for x in dicts])
    sizes = np.array([(x.get("width", np.inf), x.get("height", np.inf)) for x in dicts])
    faulty = np.flatnonzero(~has_area(boxes, sizes.reshape(-1, 2)[owner]))
    if not len(faulty):
        return
    if empty_boxes == "error":
        record, annotation = dicts[owner[faulty[0]]], annotations[faulty[0]]
        raise UserError(describe(annotation, record, source=source, content=content))
    dropped = {id(annotations[k]) for k in faulty}
    for record in (dicts[k] for k in np.unique(owner[faulty])):
        record["annotations"] = [x for x in record["annotations"] if id(x) not in dropped]
    names = [
        f"{annotations[k].get('bbox')} in image id {dicts[owner[k]]['image_id']}" for k in faulty
    ]
    logger.warning(
        "Skipped %d annotations of %s whose box has no area inside its image: %s.",
        len(names),
        source,
        some(names),
    )


def describe(
    annotation: dict, record: dict, *, source: str, content: CocoContent | None = None
) -> str:
    # Files with one line per image have no annotation ids.
    where = f"In {record.get('place', source)} an annotation"
    for original in content.annotations if content else ():
        if original["bbox"] is annotation["bbox"]:
            where = f"In {source}, annotation {original['id']}"
    return (
        f"{where} of image id {record['image_id']} has the box "
        f"{shown(annotation.get('bbox'), 120)}, which has no area inside the image of "
        f"{record.get('width')} x {record.get('height')}; correct it, or drop such boxes with "
        '`dataloader.train.dataset.empty_boxes="skip"`.'
    )
