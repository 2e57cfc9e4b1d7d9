"""Data sets that a config brings along: a person's own, in COCO's format."""

import difflib
import os
import re
from collections.abc import Sequence
from typing import Any

from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.utils.file_io import PathManager
from omegaconf import DictConfig, OmegaConf

from dual_weighting.data.coco import CocoEntry, content_in_use, read_coco
from dual_weighting.utils.errors import UserError


def literal(value: Any) -> Any:
    """`value` as one of a config, in whose texts "${" is no interpolation."""
    if isinstance(value, dict):
        return {key: literal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [literal(item) for item in value]
    if not isinstance(value, str):
        return value
    return re.sub(r"(\\*)\$\{", lambda found: 2 * found[1] + r"\${", value)


def register_datasets(cfg: DictConfig) -> None:
    """Put what `cfg.datasets` lists into Detectron2's catalogs; again, where an entry has changed.

    An entry has name, json_file, image_root, thing_classes and category_ids, the last two in the
    order of the classes, so that the names are known where the files are not.
    """
    datasets = OmegaConf.create({"all": cfg.get("datasets") or []})
    for entry in OmegaConf.to_container(datasets, resolve=True)["all"]:
        register_own(**entry)


def register_own(
    *,
    name: str,
    json_file: str,
    image_root: str,
    thing_classes: list[str],
    category_ids: list[int],
) -> None:
    """Register one data set under `name`, in the place of any other of that name."""
    wanted = {
        "evaluator_type": "coco",
        "json_file": json_file,
        "image_root": image_root,
        "thing_classes": thing_classes,
        "thing_dataset_id_to_contiguous_id": {id_: k for k, id_ in enumerate(category_ids)},
    }
    if name in DatasetCatalog:
        metadata = MetadataCatalog.get(name)
        if all(metadata.get(key) == value for key, value in wanted.items()):
            DatasetCatalog[name].keep(content_in_use(json_file))
            return
        DatasetCatalog.remove(name)
        MetadataCatalog.remove(name)
    MetadataCatalog.get(name).set(**wanted)
    DatasetCatalog.register(name, CocoEntry(name))
    DatasetCatalog[name].keep(content_in_use(json_file))


def release_contents() -> None:
    """Forget what has been read of the data sets in Detectron2's catalogs."""
    for entry in DatasetCatalog.values():
        if isinstance(entry, CocoEntry):
            entry.keep(None)


def class_names(cfg: DictConfig) -> list[str]:
    """The names of the classes that the detector of `cfg` tells apart, in their order; numbers
    where they are not known."""
    register_datasets(cfg)
    num_classes = cfg.model.num_classes
    for split in ("test", "train"):
        names = OmegaConf.select(cfg, f"dataloader.{split}.dataset.names")
        for name in [names] if isinstance(names, str) else names or []:
            classes = MetadataCatalog.get(name).get("thing_classes")
            classes = classes or [category["name"] for category in categories_of(name)]
            if classes and len(classes) == num_classes:
                return list(classes)
    return [str(k) for k in range(num_classes)]


def category_ids(cfg: DictConfig) -> list[int] | None:
    """The category ids of the classes of `cfg`'s detector, in their order; None if its data sets do
    not say and their annotations are not there."""
    for split in ("test", "train"):
        names = OmegaConf.select(cfg, f"dataloader.{split}.dataset.names")
        for name in [names] if isinstance(names, str) else names or []:
            ids = ids_of_dataset(name)
            if len(ids) == cfg.model.num_classes:
                return ids
    return None


def ids_of_dataset(name: str) -> list[int]:
    """In the order of the classes, which Detectron2 sorts by them; empty if unknown."""
    known = MetadataCatalog.get(name).get("thing_dataset_id_to_contiguous_id")
    if known:
        return sorted(known, key=known.get)
    return [category["id"] for category in categories_of(name)]


def categories_of(name: str) -> list[dict]:
    """In the file of a data set, by rising id; empty where there is no such file."""
    json_file = MetadataCatalog.get(name).get("json_file")
    if not json_file or not PathManager.isfile(json_file):
        return []
    return read_coco(json_file).categories


def find_record(
    records: Sequence[dict],
    *,
    dataset: str,
    image_id: str | None = None,
    index: int | None = None,
    file_name: str | None = None,
) -> dict:
    """The record, in Detectron2's format, with this id, at this position, or of this file; the
    first one where nothing is given.

    `dataset`: its name, for errors. `file_name`: with or without its folder.

    Raises:
        UserError: there is none.
    """
    if image_id is not None:
        ids = [str(record["image_id"]) for record in records]
        if image_id not in ids:
            raise UserError(
                f"{dataset} has no image with id {image_id}: its {len(ids)} ids go from {ids[0]} "
                f"to {ids[-1]}."
            )
        return records[ids.index(image_id)]
    if file_name is not None:
        names = [os.path.basename(record["file_name"]) for record in records]
        if (name := os.path.basename(file_name)) not in names:
            close = difflib.get_close_matches(name, names)
            hint = f"the closest are {', '.join(close)}" if close else f"the first is {names[0]}"
            raise UserError(f"{dataset} has no image file {name}: {hint}.")
        return records[names.index(name)]
    if index is not None and not 0 <= index < len(records):
        raise UserError(
            f"{dataset} has no image at position {index}: it has {len(records)}, counted from 0."
        )
    return records[index or 0]
