from pathlib import Path

import pytest
from detectron2.data import DatasetCatalog, MetadataCatalog

from dual_weighting.data.builtin import datasets_root, digits_root
from dual_weighting.data.digits.files import write_digits


@pytest.mark.parametrize("split", ["train", "val"])
def test_digits_are_in_the_catalogs(split):
    assert f"digits_{split}" in DatasetCatalog
    metadata = MetadataCatalog.get(f"digits_{split}")
    assert metadata.thing_classes == list("0123456789")
    assert metadata.evaluator_type == "coco"
    assert Path(metadata.image_root).name == split
    assert Path(metadata.json_file).parts[-3:] == ("digits", "annotations", f"digits_{split}.json")


def test_root_is_where_detectron2_looks(monkeypatch):
    monkeypatch.setenv("DETECTRON2_DATASETS", "/somewhere")
    assert digits_root() == Path("/somewhere/digits")
    monkeypatch.delenv("DETECTRON2_DATASETS")
    assert datasets_root() == Path("datasets")


def test_what_is_written_is_what_is_registered(tmp_path):
    """Files lie where the catalogs say, below another root."""
    write_digits(tmp_path / "digits", num_train=1, num_val=1)
    for split in ("train", "val"):
        metadata = MetadataCatalog.get(f"digits_{split}")
        for path in (metadata.json_file, metadata.image_root):
            assert (tmp_path / "digits" / Path(path).relative_to(digits_root())).exists()
