import json

import pytest
from detectron2.data import DatasetCatalog, MetadataCatalog
from omegaconf import OmegaConf

from dual_weighting.config.load import load_config
from dual_weighting.data.catalog import category_ids

NAME = "category_ids_test"


@pytest.fixture
def cfg():
    """A detector of two classes, tested on a data set of that name."""
    yield OmegaConf.create(
        {"model": {"num_classes": 2}, "dataloader": {"test": {"dataset": {"names": NAME}}}}
    )
    MetadataCatalog.pop(NAME, None)
    DatasetCatalog.pop(NAME, None)


def test_ids_that_are_known(cfg):
    MetadataCatalog.get(NAME).thing_dataset_id_to_contiguous_id = {90: 1, 7: 0}
    assert category_ids(cfg) == [7, 90]
    cfg.model.num_classes = 3
    assert category_ids(cfg) is None


def test_ids_of_the_annotations(cfg, tmp_path):
    path = tmp_path / "annotations.json"
    MetadataCatalog.get(NAME).json_file = str(path)
    assert category_ids(cfg) is None
    image = {"id": 1, "file_name": "1.png", "width": 9, "height": 9}
    categories = [{"id": 5, "name": "b"}, {"id": 2, "name": "a"}]
    path.write_text(json.dumps({"images": [image], "categories": categories}))
    assert category_ids(cfg) == [2, 5]


def test_ids_that_travel_with_the_config_of_a_run(cfg, tmp_path):
    entry = {
        "name": NAME,
        "json_file": "moved away.json",
        "image_root": "moved away",
        "thing_classes": ["a", "b"],
        "category_ids": [3, 11],
    }
    file = tmp_path / "config.yaml"
    OmegaConf.save(OmegaConf.merge(cfg, {"datasets": [entry]}), file)
    assert category_ids(load_config(str(file))) == [3, 11]
