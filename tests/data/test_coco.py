import logging
import shutil

import numpy as np
import pytest
from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.data.datasets import register_coco_instances
from detectron2.structures import BoxMode

from dual_weighting.data import digits_root, get_detection_dataset_dicts
from dual_weighting.data.builtin import register_digits
from dual_weighting.utils.errors import UserError


def error_of(**arguments) -> str:
    with pytest.raises(UserError) as caught:
        get_detection_dataset_dicts(**arguments)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.endswith((".", "?"))
    return sentence


def test_a_sound_data_set_is_loaded_as_by_detectron2(register, content):
    name = register(content)
    dicts = get_detection_dataset_dicts(names=name)
    assert dicts == DatasetCatalog.get(name)
    assert [record["annotations"][0]["category_id"] for record in dicts] == [0, 1]
    metadata = MetadataCatalog.get(name)
    assert metadata.thing_classes == ["cat", "dog"]
    assert metadata.thing_dataset_id_to_contiguous_id == {3: 0, 7: 1}


def test_several_data_sets_follow_each_other(register, content):
    names = [register(content), register(content)]
    assert len(get_detection_dataset_dicts(names=names)) == 4


def test_data_sets_with_different_classes(register, content):
    first = register(content)
    content["categories"][0]["name"] = "bird"
    assert f"not those of {first}: only there cat; only here bird" in error_of(
        names=[first, register(content)]
    )


def test_unknown_name_lists_close_ones():
    sentence = error_of(names="digits_trian")
    assert "no data set named digits_trian" in sentence
    assert "did you mean digits_train" in sentence


@pytest.fixture
def digits_nowhere(tmp_path, monkeypatch):
    """Digits registered below an empty folder, which DETECTRON2_DATASETS names."""
    before = digits_root()
    monkeypatch.setenv("DETECTRON2_DATASETS", str(tmp_path))
    for root in (digits_root(), before):
        for name in ("digits_train", "digits_val"):
            DatasetCatalog.remove(name)
            MetadataCatalog.remove(name)
        register_digits(root)
        if root != before:
            yield tmp_path


def test_missing_digits(digits_nowhere):
    sentence = error_of(names="digits_train")
    file = digits_nowhere / "digits" / "annotations" / "digits_train.json"
    assert f"The file {file} of data set digits_train does not exist" in sentence
    assert "python tools/prepare_digits.py" in sentence
    assert f"DETECTRON2_DATASETS name the folder of your data sets (now {digits_nowhere})" in (
        sentence
    )


def test_missing_data_set_below_the_default_root(monkeypatch):
    monkeypatch.delenv("DETECTRON2_DATASETS", raising=False)
    register_coco_instances("test_nowhere", {}, "datasets/no/file.json", "datasets/no")
    try:
        sentence = error_of(names="test_nowhere")
    finally:
        DatasetCatalog.remove("test_nowhere")
        MetadataCatalog.remove("test_nowhere")
    assert "The file datasets/no/file.json of data set test_nowhere does not exist" in sentence
    assert "DETECTRON2_DATASETS" in sentence and "not set, so it is datasets" in sentence
    assert "prepare_digits" not in sentence


def test_missing_image_folder(register, content, tmp_path):
    name = register(content)
    shutil.rmtree(tmp_path / name)
    sentence = error_of(names=name)
    assert f"The folder {tmp_path / name} of data set {name} does not exist; put it" in sentence


EMPTY = {
    "no width": [5, 6, 0, 12],
    "negative height": [5, 6, 10, -1],
    "outside": [40, 6, 10, 10],
    "above": [5, -10, 10, 10],
    "infinite": [5, 6, float("inf"), 12],
    "not a number": [float("nan"), 6, 10, 12],
    "words": ["5", "6", "10", "12"],
    "too short": [5, 6, 10],
}


@pytest.mark.parametrize("box", EMPTY.values(), ids=EMPTY)
def test_empty_box_is_an_error(register, content, tmp_path, caplog, box):
    """Or it is skipped and logged."""
    sound = content["annotations"][0]
    content["annotations"].append({**sound, "id": 13, "bbox": box})
    name = register(content)
    sentence = error_of(names=name)
    assert f"In {tmp_path / name}.json, annotation 13 of image id 1 has the box {box}" in sentence
    assert 'empty_boxes="skip"' in sentence
    with caplog.at_level(logging.WARNING, logger="dual_weighting"):
        dicts = get_detection_dataset_dicts(names=name, empty_boxes="skip")
    assert [item["bbox"] for item in dicts[0]["annotations"]] == [sound["bbox"]]
    assert len(dicts[1]["annotations"]) == 1
    (message,) = caplog.messages
    assert "Skipped 1 annotations" in message and f"{box} in image id 1" in message


def test_log_of_many_skipped_boxes_names_the_first(register, content, caplog):
    content["annotations"] += [
        {**content["annotations"][0], "id": 20 + n, "bbox": [n, 0, 0, 0]} for n in range(9)
    ]
    with caplog.at_level(logging.WARNING, logger="dual_weighting"):
        get_detection_dataset_dicts(names=register(content), empty_boxes="skip")
    assert "Skipped 9 annotations" in caplog.text
    assert "[4, 0, 0, 0] in image id 1, ..." in caplog.text and "[5, 0" not in caplog.text


def test_image_whose_only_box_is_skipped_counts_as_empty(register, content):
    content["annotations"][0]["bbox"] = [5, 6, 0, 0]
    name = register(content)
    arguments = {"names": name, "empty_boxes": "skip"}
    assert [r["image_id"] for r in get_detection_dataset_dicts(**arguments)] == [2]
    assert len(get_detection_dataset_dicts(**arguments, filter_empty=False)) == 2


def test_boxes_on_the_edge_are_sound(register, content):
    content["annotations"][0]["bbox"] = [39.5, 29.5, 10, 10]
    assert len(get_detection_dataset_dicts(names=register(content))) == 2


def test_boxes_of_corners_and_arrays_are_understood(register, content):
    name = register(content)
    dicts = DatasetCatalog.get(name)
    dicts[0]["annotations"][0].update(bbox=(20, 6, 30, 12), bbox_mode=BoxMode.XYXY_ABS)
    dicts[1]["annotations"][0].update(bbox=np.array([1.0, 2, 3, 4]))
    DatasetCatalog.remove(name)
    DatasetCatalog.register(name, lambda: dicts)
    assert len(get_detection_dataset_dicts(names=name)) == 2
    dicts[0]["annotations"][0].update(bbox=[20, 6, 10, 12])
    assert "[20, 6, 10, 12]" in error_of(names=name)


def test_no_annotations_to_train_on(register, content):
    content["annotations"] = []
    assert "has annotations to train on" in error_of(names=register(content))


def test_unknown_treatment_of_empty_boxes():
    assert "'drop'" in error_of(names="digits_train", empty_boxes="drop")
