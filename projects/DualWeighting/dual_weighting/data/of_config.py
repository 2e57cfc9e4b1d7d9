"""Data sets that a config brings along: a person's own, in COCO's format."""

import re
from typing import Any

from detectron2.data import DatasetCatalog, MetadataCatalog
from omegaconf import DictConfig, OmegaConf

from dual_weighting.data.category_ids import categories_of
from dual_weighting.data.coco import CocoEntry, content_in_use


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
