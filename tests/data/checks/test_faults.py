import pytest
from detectron2.data import MetadataCatalog

from dual_weighting.data import get_detection_dataset_dicts
from dual_weighting.utils.errors import UserError


def remove(*path):
    def fault(content):
        for key in path[:-1]:
            content = content[key]
        del content[path[-1]]

    return fault


def change(value, *path):
    def fault(content):
        for key in path[:-1]:
            content = content[key]
        content[path[-1]] = value

    return fault


FAULTS = [
    (remove("images"), 'there are no "images"'),
    (change([], "images"), 'there are no "images"'),
    (remove("categories"), 'there are no "categories"'),
    (change([], "categories"), 'there are no "categories"'),
    (remove("images", 1, "height"), 'image id 2 has no "height"'),
    (remove("images", 1, "id"), 'image number 1 of the list has no "id"'),
    (remove("categories", 0, "name"), 'category id 3 has no "name"'),
    (remove("annotations", 0, "category_id"), 'annotation id 11 has no "category_id"'),
    (remove("annotations", 0, "image_id"), 'annotation id 11 has no "image_id"'),
    (remove("annotations", 1, "bbox"), 'annotation id 12 has no "bbox"'),
    (change(3, "categories", 1, "id"), "two categories have the id 3; give each its own"),
    (change("cat", "categories", 1, "name"), "two categories have the name cat"),
    (change(1, "images", 1, "id"), "two images have the id 1"),
    (change(5, "categories", 0, "name"), 'category id 3 has the "name" 5'),
    (change(4, "annotations", 0, "category_id"), "annotation 11 of image id 1 has the unknown cat"),
    (change(11, "annotations", 1, "id"), "two annotations have the id 11; give"),
    (change(1, "annotations", 1, "ignore"), 'annotation 12 of image id 2 says "ignore"'),
    (change([], "annotations", 1, "bbox"), "annotation 12 of image id 2 has the box []"),
    (change(None, "images", 0, "file_name"), 'image id 1 has the "file_name" None'),
    (change("40", "images", 0, "width"), "image id 1 has the \"width\" '40'"),
    (change("0", "annotations", 0, "iscrowd"), "annotation id 11 has the \"iscrowd\" '0'"),
    (change(None, "annotations"), 'the "annotations" are a NoneType'),
    (change(5, "annotations", 1, "bbox"), 'annotation id 12 has the "bbox" 5; make it'),
]


@pytest.mark.parametrize(("fault", "expected"), FAULTS, ids=[text for _, text in FAULTS])
def test_sentence_names_file_and_fault(register, content, tmp_path, fault, expected):
    fault(content)
    name = register(content)
    with pytest.raises(UserError) as caught:
        get_detection_dataset_dicts(names=name)
    assert str(caught.value).startswith(f"In {tmp_path / name}.json, {expected}")


@pytest.mark.parametrize("text", ['{"images": [', "", "\x00"])
def test_malformed_json(register, text, tmp_path):
    name = register(text)
    with pytest.raises(UserError) as caught:
        get_detection_dataset_dicts(names=name)
    assert str(caught.value).startswith(f"{tmp_path / name}.json is not valid JSON (")


def test_outermost_list(register):
    with pytest.raises(UserError, match="the outermost value is a list"):
        get_detection_dataset_dicts(names=register("[]"))


def test_categories_that_are_not_the_registered_ones(register, content):
    name = register(content)
    MetadataCatalog.get(name).thing_classes = ["cat", "horse"]
    with pytest.raises(UserError, match=r"\['cat', 'dog'\] but .* \['cat', 'horse'\]"):
        get_detection_dataset_dicts(names=name)
