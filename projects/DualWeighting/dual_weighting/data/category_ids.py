"""The classes that a data set has, and its numbers for them."""

from detectron2.data import MetadataCatalog
from detectron2.utils.file_io import PathManager
from omegaconf import DictConfig, OmegaConf

from dual_weighting.data.coco import read_coco


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
