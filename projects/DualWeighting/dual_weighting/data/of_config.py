"""Data sets that a config brings along: a person's own, in COCO's format."""

import os
import re

from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.data.datasets import register_coco_instances
from omegaconf import DictConfig, OmegaConf


def literal(text: str) -> str:
    """`text` as a value of a config, in which "${" is no interpolation."""
    return re.sub(r"(\\*)\$\{", lambda found: 2 * found[1] + r"\${", text)


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
        "json_file": json_file,
        "image_root": image_root,
        "thing_classes": thing_classes,
        "thing_dataset_id_to_contiguous_id": {id_: k for k, id_ in enumerate(category_ids)},
    }
    if name in DatasetCatalog:
        metadata = MetadataCatalog.get(name)
        if all(metadata.get(key) == value for key, value in wanted.items()):
            return
        DatasetCatalog.remove(name)
        MetadataCatalog.remove(name)
    metadata = {key: wanted[key] for key in wanted if key not in ("json_file", "image_root")}
    register_coco_instances(name, metadata, json_file, image_root)


def class_names(cfg: DictConfig) -> list[str]:
    """The names of the classes that the detector of `cfg` tells apart, in their order; numbers
    where they are not known."""
    register_datasets(cfg)
    num_classes = cfg.model.num_classes
    for split in ("test", "train"):
        names = OmegaConf.select(cfg, f"dataloader.{split}.dataset.names")
        for name in [names] if isinstance(names, str) else names or []:
            metadata = MetadataCatalog.get(name)
            if "thing_classes" not in metadata.as_dict() and os.path.isfile(
                metadata.get("json_file", "")
            ):
                DatasetCatalog.get(name)  # Detectron2 finds the names in the file then
            classes = metadata.get("thing_classes")
            if classes and len(classes) == num_classes:
                return list(classes)
    return [str(k) for k in range(num_classes)]
