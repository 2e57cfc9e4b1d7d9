"""Data sets listed in configs, and queries of Detectron2's catalogs."""

import difflib
import os
import re
from collections.abc import Iterator, Sequence
from typing import Any

from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.utils.file_io import PathManager
from omegaconf import DictConfig, OmegaConf

from dual_weighting.data.coco import CocoEntry, content_in_use, read_coco
from dual_weighting.utils.errors import UserError


def literal(value: Any) -> Any:
    """`value` for a config, with "${" escaped in strings so that it is not an interpolation."""
    if isinstance(value, dict):
        return {key: literal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [literal(item) for item in value]
    if not isinstance(value, str):
        return value
    return re.sub(r"(\\*)\$\{", lambda found: 2 * found[1] + r"\${", value)


def register_datasets(cfg: DictConfig) -> None:
    """Register the data sets in `cfg.datasets` in Detectron2's catalogs, replacing changed ones.

    An entry has name, json_file, image_root, thing_classes and category_ids. The last two are in
    class order, so that class names are known even without the files.
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
    """Register a data set, replacing any other of this name."""
    wanted = {
        "evaluator_type": "coco",
        "json_file": json_file,
        "image_root": image_root,
        "thing_classes": thing_classes,
        "thing_dataset_id_to_contiguous_id": {id_: k for k, id_ in enumerate(category_ids)},
    }
    metadata = MetadataCatalog.get(name)
    if name in DatasetCatalog and any(metadata.get(key) != wanted[key] for key in wanted):
        DatasetCatalog.remove(name)
        MetadataCatalog.remove(name)
    if name not in DatasetCatalog:
        MetadataCatalog.get(name).set(**wanted)
        DatasetCatalog.register(name, CocoEntry(name))
    DatasetCatalog[name].keep(content_in_use(json_file))


def release_contents() -> None:
    """Release the cached content of data sets in Detectron2's catalogs."""
    for entry in DatasetCatalog.values():
        if isinstance(entry, CocoEntry):
            entry.keep(None)


def class_names(cfg: DictConfig) -> list[str]:
    """Class names of the detector in order, or numbers if unknown."""
    register_datasets(cfg)
    for name in dataset_names(cfg):
        names = MetadataCatalog.get(name).get("thing_classes")
        names = names or [category["name"] for category in categories_of(name)]
        if len(names) == cfg.model.num_classes:
            return list(names)
    return [str(k) for k in range(cfg.model.num_classes)]


def category_ids(cfg: DictConfig) -> list[int] | None:
    """Category ids of the detector's classes in order; None if neither its data sets nor their
    annotation files provide them."""
    for name in dataset_names(cfg):
        known = MetadataCatalog.get(name).get("thing_dataset_id_to_contiguous_id")
        ids = sorted(known, key=known.get) if known else [x["id"] for x in categories_of(name)]
        if len(ids) == cfg.model.num_classes:
            return ids
    return None


def dataset_names(cfg: DictConfig) -> Iterator[str]:
    for split in ("test", "train"):
        names = OmegaConf.select(cfg, f"dataloader.{split}.dataset.names") or []
        yield from [names] if isinstance(names, str) else names


def categories_of(name: str) -> list[dict]:
    """Categories in the file of a data set, sorted by id; empty without such a file."""
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
    """The record, in Detectron2's format, with this id, of this file, or at this position; the
    first if nothing is given.

    `dataset`: its name, for errors. `file_name`: with or without its folder.

    Raises:
        UserError: there is none.
    """
    if image_id is not None:
        values, wanted, what = [str(x["image_id"]) for x in records], image_id, "image with id"
    elif file_name is not None:
        values = [os.path.basename(x["file_name"]) for x in records]
        wanted, what = os.path.basename(file_name), "image file"
    else:
        values, wanted, what = list(range(len(records))), index or 0, "image at position"
    if wanted in values:
        return records[values.index(wanted)]
    close = difflib.get_close_matches(str(wanted), map(str, values))
    there = f"the closest are {', '.join(close)}" if close else f"{values[0]} to {values[-1]}"
    raise UserError(f"{dataset} has no {what} {wanted}, of {len(values)}: {there}.")
