"""Data sets that a config lists, and what is known of the classes and images of any."""

import json
from pathlib import Path

import pytest
from detectron2.data import DatasetCatalog, MetadataCatalog
from omegaconf import OmegaConf

from dual_weighting.config.load import load_config
from dual_weighting.data import class_names, find_record, register_datasets
from dual_weighting.data.builtin import datasets_root, digits_root
from dual_weighting.data.catalog import category_ids
from dual_weighting.data.digits.files import write_digits
from dual_weighting.utils.errors import UserError

NAME = "coco:/nowhere/test_catalog.json"


@pytest.fixture(autouse=True)
def clean_catalogs():
    yield
    DatasetCatalog.pop(NAME, None)
    MetadataCatalog.pop(NAME, None)


def config(*, classes=None, num_classes=2):
    """A detector of two classes, tested on a data set; `classes`: as the config says of it."""
    entry = {
        "name": NAME,
        "json_file": "/nowhere/test_catalog.json",
        "image_root": "/nowhere",
        "thing_classes": classes,
        "category_ids": [3, 11],
    }
    return OmegaConf.create(
        {
            "datasets": [entry] if classes else [],
            "model": {"num_classes": num_classes},
            "dataloader": {"test": {"dataset": {"names": NAME}}},
        }
    )


def test_names_are_known_without_the_files():
    assert class_names(config(classes=["cat", "dog"])) == ["cat", "dog"]
    metadata = MetadataCatalog.get(NAME)
    assert metadata.thing_dataset_id_to_contiguous_id == {3: 0, 11: 1}
    assert metadata.image_root == "/nowhere"


def test_registering_again_changes_what_has_changed():
    for classes in (["cat", "dog"], ["cat", "dog"], ["cat", "horse"]):
        register_datasets(config(classes=classes))
    assert MetadataCatalog.get(NAME).thing_classes == ["cat", "horse"]


def test_numbers_where_there_are_no_names():
    assert class_names(config(classes=["cat", "dog"], num_classes=3)) == ["0", "1", "2"]
    assert class_names(OmegaConf.create({"model": {"num_classes": 2}})) == ["0", "1"]


def test_category_ids_that_are_known():
    MetadataCatalog.get(NAME).thing_dataset_id_to_contiguous_id = {90: 1, 7: 0}
    assert category_ids(config()) == [7, 90]
    assert category_ids(config(num_classes=3)) is None


def test_category_ids_of_the_annotations(tmp_path):
    path = tmp_path / "annotations.json"
    MetadataCatalog.get(NAME).json_file = str(path)
    assert category_ids(config()) is None
    image = {"id": 1, "file_name": "1.png", "width": 9, "height": 9}
    categories = [{"id": 5, "name": "b"}, {"id": 2, "name": "a"}]
    path.write_text(json.dumps({"images": [image], "categories": categories}))
    assert category_ids(config()) == [2, 5] and class_names(config()) == ["a", "b"]


def test_category_ids_that_travel_with_the_config_of_a_run(tmp_path):
    OmegaConf.save(config(classes=["a", "b"]), tmp_path / "config.yaml")
    assert category_ids(load_config(str(tmp_path / "config.yaml"))) == [3, 11]


@pytest.mark.parametrize("split", ["train", "val"])
def test_digits_are_in_the_catalogs(split, tmp_path):
    """What is written lies where the catalogs say, below another root."""
    write_digits(tmp_path / "digits", num_train=1, num_val=1)
    metadata = MetadataCatalog.get(f"digits_{split}")
    assert metadata.thing_classes == list("0123456789")
    assert metadata.evaluator_type == "coco" and f"digits_{split}" in DatasetCatalog
    for path in (metadata.json_file, metadata.image_root):
        assert (tmp_path / "digits" / Path(path).relative_to(digits_root())).exists()


def test_root_is_where_detectron2_looks(monkeypatch):
    monkeypatch.setenv("DETECTRON2_DATASETS", "/somewhere")
    assert digits_root() == Path("/somewhere/digits")
    monkeypatch.delenv("DETECTRON2_DATASETS")
    assert datasets_root() == Path("datasets")


RECORDS = [{"image_id": 7 * n, "file_name": f"images/{n:03}.png"} for n in range(3)]


@pytest.mark.parametrize(
    ("what", "index"),
    [
        ({}, 0),
        ({"image_id": "14"}, 2),
        ({"index": 1}, 1),
        ({"file_name": "002.png"}, 2),
        ({"file_name": "elsewhere/001.png"}, 1),
    ],
)
def test_record_by_each_of_them(what, index):
    assert find_record(RECORDS, dataset="numbers", **what) is RECORDS[index]


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ({"image_id": "1"}, "numbers has no image with id 1, of 3: the closest"),
        ({"index": 3}, "numbers has no image at position 3, of 3: 0 to 2"),
        ({"index": -1}, "no image at position -1"),
        ({"file_name": "01.png"}, "numbers has no image file 01.png, of 3: .*001.png"),
        ({"file_name": "x"}, "000.png to 002.png"),
    ],
)
def test_record_that_is_not_there(what, message):
    with pytest.raises(UserError, match=message):
        find_record(RECORDS, dataset="numbers", **what)
