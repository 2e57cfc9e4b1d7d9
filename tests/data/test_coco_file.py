"""A person's own file, read before the training."""

import json

import cv2
import numpy as np
import pytest

from dual_weighting.data.coco_content import has_polygon, read_json
from dual_weighting.data.coco_file import read_coco_file
from dual_weighting.utils.errors import UserError

TRIANGLE = [1, 1, 9, 1, 5, 9]


@pytest.fixture
def read(tmp_path):
    """A function that writes content, with its images, and reads it."""

    def write_and_read(content):
        for image_id in (1, 2):
            cv2.imwrite(str(tmp_path / f"{image_id}.png"), np.zeros((30, 40, 3), dtype=np.uint8))
        (tmp_path / "own.json").write_text(json.dumps(content))
        return read_coco_file(str(tmp_path / "own.json"))

    return write_and_read


def test_what_a_file_says(read, content, tmp_path):
    content["categories"].reverse()
    content["images"].append({"id": 9, "file_name": "1.png", "width": 40, "height": 30})
    data = read(content)
    assert (data.category_ids, data.thing_classes) == ([3, 7], ["cat", "dog"])
    assert (data.num_images, data.num_objects, data.without_objects) == (3, 2, ["1.png"])
    assert data.name == f"coco:{tmp_path / 'own.json'}" and data.image_root == str(tmp_path)
    assert data.mask_format == "polygon" and len(data.without_mask.items) == 2
    assert data.left_out() == []
    assert "annotation" not in repr(data)  # the log of a training has it


def test_crowds_are_no_objects(read, content):
    content["annotations"][1]["iscrowd"] = 1
    data = read(content)
    assert data.num_objects == 1 and data.without_objects == ["2.png"]


def test_what_is_left_out_is_counted_and_named(read, content):
    first = content["annotations"][0]
    content["annotations"] += [
        {**first, "id": 20, "image_id": 5},
        {**first, "id": 21, "segmentation": [[1, 2, 3, 4]]},
    ]
    texts = read(content).left_out()
    assert [text[:2] for text in texts] == ["1 ", "1 "]
    assert "three points (dropped" in texts[0] and "annotation 21 of image id 1." in texts[0]
    assert "does not list (left out): annotation 20 of image id 5." in texts[1]


def test_masks(read, content):
    content["annotations"][0]["segmentation"] = [TRIANGLE]
    content["annotations"][1]["segmentation"] = {"size": [30, 40], "counts": [1200]}
    data = read(content)
    assert data.mask_format == "bitmask" and not data.without_mask.items


@pytest.mark.parametrize(
    ("mask", "expected"),
    [([TRIANGLE], True), ([[1, 2, 3, 4], TRIANGLE], True), ([[1, 2, 3, 4]], False), ([], True)],
)
def test_polygons(mask, expected):
    assert has_polygon({"segmentation": mask}) == expected


def test_missing_images_are_one_sentence(read, content, tmp_path):
    content["images"] += [
        {**x, "id": 5 + x["id"], "file_name": "no.png"} for x in content["images"]
    ]
    with pytest.raises(UserError) as caught:
        read(content)
    sentence = str(caught.value)
    assert f"{tmp_path / 'own.json'}, image id 6 ({tmp_path / 'no.png'}) does not exist" in sentence
    assert "(and 1 more)" in sentence and "\n" not in sentence


def test_a_part_that_stands_twice(tmp_path):
    """JSON alone would keep the last and lose the other's objects."""
    file = tmp_path / "own.json"
    file.write_text('{"images": [], "annotations": [], "categories": [], "annotations": [1]}')
    with pytest.raises(UserError, match=r'own.json is .*"annotations" is repeated'):
        read_json(str(file))
    file.write_text('{"images": [{"note": "images"}], "annotations": []}')
    assert read_json(str(file))["images"] == [{"note": "images"}]
