import itertools

import cv2
import numpy as np
import pytest
from PIL import Image

from dual_weighting.data.checks.image_files import split_by_share
from dual_weighting.data.formats.pascal_voc import (
    DIFFICULT,
    IN_NO_LIST,
    OTHER_SIZE,
    TURNED,
    UNKNOWN,
    WITHOUT_ANNOTATIONS,
    WITHOUT_IMAGE,
    convert,
    split,
)
from dual_weighting.data.images import read_image
from dual_weighting.utils.errors import UserError

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
        cv2.imwrite(
            str(tmp_path / f"JPEGImages/{name}.png"), np.full((30, 40, 3), ord(name), np.uint8)
        )
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
    assert notes[WITHOUT_ANNOTATIONS] == ["e"] and notes[WITHOUT_IMAGE] == ["f"]
    assert notes[IN_NO_LIST] == ["d"] and notes[DIFFICULT] == ["a.png"]


def test_a_share_where_there_are_no_lists(root):
    contents, _ = convert(root, val_share=0.5)
    names = [{x["file_name"] for x in contents[part]["images"]} for part in ("train", "val")]
    assert len(names[0]) == len(names[1]) == 2 and not names[0] & names[1]
    assert convert(root, val_share=0.5)[0] == contents


@pytest.mark.parametrize("text", ["<annotation>", voc_object("dog", 1, 2, 3, "x")])
def test_files_that_are_none(root, text):
    (root / "Annotations/b.xml").write_text(f"<annotation>{text}</annotation>")
    with pytest.raises(UserError, match=r"b\.xml is not an annotation of Pascal VOC"):
        convert(root)


def test_an_image_of_another_size_is_found(root):
    cv2.imwrite(str(root / "JPEGImages/a.png"), np.zeros((60, 80, 3), np.uint8))
    contents, notes = convert(root)
    (image,) = (x for y in contents.values() for x in y["images"] if x["file_name"] == "a.png")
    assert (image["width"], image["height"]) == (80, 60) and notes[OTHER_SIZE] == ["a.png"]


def test_missing_folder(root, tmp_path):
    with pytest.raises(UserError, match="other does not exist"):
        convert(tmp_path / "other")


def test_lists_of_names_with_spaces(root):
    for folder, ending in (("JPEGImages", "png"), ("Annotations", "xml")):
        for old, new in (("a", "a 1"), ("b", "a"), ("c", "a 2")):
            (root / folder / f"{old}.{ending}").rename(root / folder / f"{new}.{ending}")
    (root / "ImageSets/Main/train.txt").write_text("a 1\na 2  1\nx\n")
    (root / "ImageSets/Main/val.txt").write_text("a -1\nd.png\n")
    contents, notes = convert(root)
    assert names_of(contents) == {"train": ["a 1.png", "a 2.png"], "val": ["a.png", "d.png"]}
    assert notes[UNKNOWN] == ["x of train.txt"] and notes[IN_NO_LIST] == []


def names_of(contents):
    return {part: [x["file_name"] for x in content["images"]] for part, content in contents.items()}


def test_a_list_of_other_images(root):
    (root / "ImageSets/Main/train.txt").write_text("x\n")
    (root / "ImageSets/Main/val.txt").write_text("a\n")
    with pytest.raises(UserError, match=r"train\.txt names none of the annotated images"):
        convert(root)


def test_files_side_by_side_with_others(root, tmp_path):
    folder = tmp_path / "side by side"
    folder.mkdir()
    for file in [*(root / "JPEGImages").iterdir(), *(root / "Annotations").iterdir()]:
        file.rename(folder / file.name)
    for other in ("a.txt", "classes.txt", ".a.png", "._b.xml", ".DS_Store"):
        (folder / other).write_text("0 0.5 0.5 0.2 0.2")
    contents, notes = convert(folder)
    assert sorted(itertools.chain(*names_of(contents).values())) == [
        "a.png",
        "b.png",
        "c.png",
        "d.png",
    ]
    assert notes[WITHOUT_ANNOTATIONS] == ["e"]
    again, _ = convert(tmp_path, image_root=folder, annotation_root=folder)
    assert again == contents
    cv2.imwrite(str(folder / "a.jpg"), np.zeros((30, 40, 3), np.uint8))
    with pytest.raises(UserError, match=r"a\.xml may belong to a\.jpg or a\.png"):
        convert(folder)


ALL = "abcdefgh"


@pytest.mark.parametrize(
    ("lists", "expected"),
    [
        ({"train": "ab", "val": "cd"}, {"train": "ab", "val": "cd"}),
        ({"val": "cd"}, {"train": "abefgh", "val": "cd"}),
        ({"train": "cd"}, {"train": "cd", "val": "abefgh"}),
        ({"train": "ab", "test": "ef"}, {"train": "ab", "test": "ef"}),
        ({"val": "ab", "test": "ef"}, {"train": "cdgh", "val": "ab", "test": "ef"}),
        (
            {"train": "ab", "trainval": "abcd", "test": "ef"},
            {"train": "ab", "val": "cd", "trainval": "abcd", "test": "ef"},
        ),
        (
            {"val": "ab", "trainval": "abcd", "test": "ef"},
            {"train": "cd", "val": "ab", "trainval": "abcd", "test": "ef"},
        ),
    ],
)
def test_parts_follow_the_lists_that_are_there(lists, expected):
    parts = split({k: list(v) for k, v in lists.items()}, {x: x.encode() for x in ALL}, 0.5)
    assert {part: "".join(stems) for part, stems in parts.items()} == expected


@pytest.mark.parametrize(
    "lists", [{"trainval": "abcd", "test": "ef"}, {"test": "ef"}, {"train": ALL}]
)
def test_a_share_of_what_the_lists_leave(lists):
    parts = split({k: list(v) for k, v in lists.items()}, {x: x.encode() for x in ALL}, 0.5)
    pool = lists.get("trainval", lists.get("train", "abcdgh"))
    assert sorted(parts["train"] + parts["val"]) == sorted(pool)
    assert len(parts["val"]) == len(pool) // 2 and parts.get("test", ["e", "f"]) == ["e", "f"]


@pytest.mark.parametrize(
    "lists", [{"train": "ab", "val": "bc"}, {"trainval": "ab", "test": "b"}, {"val": ALL}]
)
def test_lists_that_leak_or_leave_nothing(lists):
    with pytest.raises(UserError, match=r"both name b|none is left to train on"):
        split({k: list(v) for k, v in lists.items()}, {x: x.encode() for x in ALL}, 0.5)


def test_copies_of_an_image_stay_together():
    digests = {"a": b"1", "b": b"2", "c": b"1", "d": b"3", "e": b"", "f": b""}
    for share in (0.2, 0.34, 0.5, 0.9):
        train, val = split_by_share(digests, share)
        assert sorted(train + val) == list("abcdef") and train and val
        assert ("a" in val) == ("c" in val)
        assert abs(len(val) - share * 6) < 2
    with pytest.raises(UserError, match="at least two different images"):
        split_by_share({"a": b"1", "b": b"1"}, 0.5)


@pytest.mark.parametrize("turn", [5, 6, 7, 8])
def test_boxes_of_an_image_that_exif_turns(root, turn):
    # A white box in a black image of 40 x 30, whose bytes lie on their side.
    x1, y1, x2, y2 = 4, 7, 20, 12
    pixels = np.zeros((30, 40), np.uint8)
    pixels[y1 - 1 : y2, x1 - 1 : x2] = 255
    file = root / "JPEGImages/a.png"
    exif = Image.Exif()
    exif[0x0112] = turn
    Image.fromarray(pixels).save(file, exif=exif)
    xml = "<annotation><size><width>{}</width><height>{}</height></size>{}</annotation>"
    (root / "Annotations/a.xml").write_text(xml.format(40, 30, voc_object("dog", x1, y1, x2, y2)))
    contents, notes = convert(root)
    (part,) = (x for x in contents.values() if x["annotations"])
    image = next(x for x in part["images"] if x["file_name"] == "a.png")
    assert (image["width"], image["height"]) == (30, 40) and notes[TURNED] == ["a.png"]
    rows, columns = (read_image(file)[..., 0] > 128).nonzero()
    x, y, w, h = part["annotations"][0]["bbox"]
    assert (x, y) == (columns.min(), rows.min())
    assert (x + w, y + h) == (columns.max() + 1, rows.max() + 1)
    # Boxes drawn on the upright image stay.
    (root / "Annotations/a.xml").write_text(xml.format(30, 40, voc_object("dog", x1, y1, x2, y2)))
    contents, notes = convert(root)
    (part,) = (x for x in contents.values() if x["annotations"])
    assert part["annotations"][0]["bbox"] == [3, 6, 17, 6] and notes[TURNED] == []
