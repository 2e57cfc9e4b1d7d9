import cv2
import numpy as np
import pytest

from dual_weighting.data.pascal_voc import convert
from dual_weighting.errors import UserError

OBJECT = (
    "<object><name>{name}</name><difficult>{difficult}</difficult><bndbox><xmin>{0}</xmin>"
    "<ymin>{1}</ymin><xmax>{2}</xmax><ymax>{3}</ymax></bndbox></object>"
)


def voc_object(name, *box, difficult=0):
    return OBJECT.format(*box, name=name, difficult=difficult)


@pytest.fixture
def root(tmp_path):
    """Five images of 40 x 30, a with a dog and a difficult cat, e without annotations."""
    for folder in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (tmp_path / folder).mkdir(parents=True)
    size = "<size><width>40</width><height>30</height></size>"
    for name in "abcde":
        cv2.imwrite(str(tmp_path / f"JPEGImages/{name}.png"), np.zeros((30, 40, 3), np.uint8))
    objects = dict.fromkeys("bcd", "")
    objects["a"] = voc_object("dog", 1, 1, 40, 30) + voc_object("cat", 3, 4, 5, 6, difficult=1)
    objects["f"] = ""
    for name, text in objects.items():
        xml = f"<annotation>{size}{text}</annotation>"
        (tmp_path / f"Annotations/{name}.xml").write_text(xml)
    return tmp_path


def test_lists_boxes_and_notes(root):
    (root / "ImageSets/Main/train.txt").write_text("a 1\nb -1\n")
    (root / "ImageSets/Main/val.txt").write_text("c\n\n")
    contents, notes = convert(root)
    train, val = contents["train"], contents["val"]
    assert [x["file_name"] for x in train["images"]] == ["a.png", "b.png"]
    assert [x["file_name"] for x in val["images"]] == ["c.png"]
    assert (
        train["categories"]
        == val["categories"]
        == [
            {"id": 1, "name": "cat"},
            {"id": 2, "name": "dog"},
        ]
    )
    dog, cat = train["annotations"]
    assert (dog["category_id"], dog["bbox"], dog["area"], dog["iscrowd"]) == (
        2,
        [0, 0, 40, 30],
        1200,
        0,
    )
    assert (cat["bbox"], cat["iscrowd"]) == ([2, 3, 3, 3], 1)
    assert notes.without_annotations == ["e"] and notes.without_image == ["f"]
    assert notes.in_no_list == ["d"] and notes.difficult == ["a.png"]


def test_a_share_where_there_are_no_lists(root):
    contents, _ = convert(root, val_share=0.5)
    names = [{x["file_name"] for x in contents[part]["images"]} for part in ("train", "val")]
    assert len(names[0]) == len(names[1]) == 2 and not names[0] & names[1]
    assert convert(root, val_share=0.5)[0] == contents


@pytest.mark.parametrize("text", ["<annotation>", voc_object("dog", 1, 2, 3, "x")])
def test_files_that_are_none(root, text):
    (root / "Annotations/b.xml").write_text(f"<annotation>{text}</annotation>")
    with pytest.raises(UserError, match=r"b\.xml is no annotation of Pascal VOC"):
        convert(root)


def test_missing_folder(root, tmp_path):
    with pytest.raises(UserError, match="JPEGImages does not exist"):
        convert(tmp_path / "other")


def test_lists_of_names_with_spaces(root):
    for folder, ending in (("JPEGImages", "png"), ("Annotations", "xml")):
        (root / folder / f"a.{ending}").rename(root / folder / f"my a.{ending}")
    (root / "ImageSets/Main/train.txt").write_text("my a\nb\n")
    (root / "ImageSets/Main/val.txt").write_text("my a 1\n")
    contents, _ = convert(root)
    assert [x["file_name"] for x in contents["train"]["images"]] == ["b.png", "my a.png"]
    assert [x["file_name"] for x in contents["val"]["images"]] == ["my a.png"]


def test_a_list_of_other_images(root):
    (root / "ImageSets/Main/train.txt").write_text("x\n")
    (root / "ImageSets/Main/val.txt").write_text("a\n")
    with pytest.raises(UserError, match=r"train\.txt names none of the annotated images"):
        convert(root)
