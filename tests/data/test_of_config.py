"""Data sets that stand in a config."""

import pytest
from detectron2.data import DatasetCatalog, MetadataCatalog
from omegaconf import OmegaConf

from dual_weighting.data import class_names, register_datasets

NAME = "coco:/nowhere/test_of_config.json"


def config(classes, num_classes=2):
    entry = {
        "name": NAME,
        "json_file": "/nowhere/test_of_config.json",
        "image_root": "/nowhere",
        "thing_classes": classes,
        "category_ids": [3, 7],
    }
    loader = {"dataset": {"names": NAME}}
    return OmegaConf.create(
        {
            "datasets": [entry],
            "model": {"num_classes": num_classes},
            "dataloader": {"train": loader, "test": loader},
        }
    )


@pytest.fixture(autouse=True)
def clean_catalogs():
    yield
    if NAME in DatasetCatalog:
        DatasetCatalog.remove(NAME)
        MetadataCatalog.remove(NAME)


def test_names_are_known_without_the_files():
    assert class_names(config(["cat", "dog"])) == ["cat", "dog"]
    assert MetadataCatalog.get(NAME).thing_dataset_id_to_contiguous_id == {3: 0, 7: 1}
    assert MetadataCatalog.get(NAME).image_root == "/nowhere"


def test_registering_again_changes_what_has_changed():
    register_datasets(config(["cat", "dog"]))
    register_datasets(config(["cat", "dog"]))
    register_datasets(config(["cat", "horse"]))
    assert MetadataCatalog.get(NAME).thing_classes == ["cat", "horse"]


def test_numbers_where_there_are_no_names():
    assert class_names(config(["cat", "dog"], num_classes=3)) == ["0", "1", "2"]
    assert class_names(OmegaConf.create({"model": {"num_classes": 2}})) == ["0", "1"]
