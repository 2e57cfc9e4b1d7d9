import json

import pytest
from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.structures import BoxMode

from dual_weighting.data import get_detection_dataset_dicts, register_crowdhuman
from dual_weighting.data.crowdhuman import read_detections, read_ground_truths
from dual_weighting.utils.errors import UserError


def person(*fbox, tag="person", **extra):
    return {"tag": tag, "fbox": list(fbox), "extra": extra}


LINES = [
    {"ID": "a,1", "gtboxes": [person(-5, 1, 20, 30), person(3, 4, 5, 6, tag="mask")]},
    {"ID": "b", "height": 30, "width": 40, "gtboxes": [person(1, 1, 9, 9, ignore=1, box_id=2)]},
    {"ID": "c", "gtboxes": []},
]


def write(path, lines):
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("".join(f"{text}\n" for text in texts))
    return path


def register(tmp_path, lines, images=("a,1", "b", "c")):
    (tmp_path / "Images").mkdir()
    for name in images:
        (tmp_path / "Images" / f"{name}.jpg").touch()
    name = f"crowd_of_{tmp_path.name}"
    register_crowdhuman(name, write(tmp_path / "gt.odgt", lines), tmp_path / "Images")
    return name


@pytest.fixture(autouse=True)
def forget_data_sets():
    before = set(DatasetCatalog.list())
    yield
    for name in set(DatasetCatalog.list()) - before:
        DatasetCatalog.remove(name)
        MetadataCatalog.remove(name)


def test_records(tmp_path):
    """Full bodies as they are, also beyond the image; whatever is to be ignored is a crowd."""
    name = register(tmp_path, LINES)
    first, second, third = get_detection_dataset_dicts(names=name, filter_empty=False)
    assert first["file_name"] == str(tmp_path / "Images" / "a,1.jpg")
    assert first["image_id"] == "a,1" and "height" not in first
    assert (second["height"], second["width"]) == (30, 40)
    assert [x["bbox"] for x in first["annotations"]] == [[-5, 1, 20, 30], [3, 4, 5, 6]]
    assert [x["iscrowd"] for x in first["annotations"]] == [0, 1]
    assert [x["iscrowd"] for x in second["annotations"]] == [1]
    assert third["annotations"] == []
    assert {x["bbox_mode"] for x in first["annotations"]} == {BoxMode.XYWH_ABS}


def test_images_without_people_are_not_trained_on(tmp_path):
    records = get_detection_dataset_dicts(names=register(tmp_path, LINES))
    assert [record["image_id"] for record in records] == ["a,1"]


def test_missing_image(tmp_path):
    with pytest.raises(
        UserError, match=r"gt.odgt, line 2, is about image b, but .* not contain b.jpg; put"
    ):
        get_detection_dataset_dicts(names=register(tmp_path, LINES, images=["a,1", "c"]))


def test_box_without_area(tmp_path):
    """It is named, or left out, as of a file in COCO's format."""
    name = register(tmp_path, [LINES[0], {"ID": "b", "gtboxes": [person(1, 1, 0, 9)]}])
    with pytest.raises(UserError, match=r"gt.odgt, line 2, an annotation .*\[1.0, 1.0, 0.0, 9.0\]"):
        get_detection_dataset_dicts(names=name)
    assert len(get_detection_dataset_dicts(names=name, empty_boxes="skip")) == 1


@pytest.mark.parametrize("missing", ["gt.odgt", "Images"])
def test_data_set_not_in_place(tmp_path, missing):
    name = register(tmp_path, LINES)
    (tmp_path / missing).rename(tmp_path / "elsewhere")
    with pytest.raises(UserError, match=f"{missing} of data set .* does not exist; put it there"):
        get_detection_dataset_dicts(names=name)


@pytest.mark.parametrize("name", ["crowdhuman_train", "crowdhuman_val"])
def test_official_files_are_in_the_catalogs(name):
    metadata = MetadataCatalog.get(name)
    assert metadata.thing_classes == ["person"]
    assert metadata.odgt_file.endswith(f"crowdhuman/annotation_{name.split('_')[1]}.odgt")
    assert metadata.image_root.endswith("crowdhuman/Images")


FAULTY = {
    "no json": ("{", "line 2, is not a JSON object"),
    "no object": ("[1]", "line 2, is not a JSON object"),
    "no id": ({"gtboxes": []}, 'line 2, has no "ID"'),
    "same id": ({"ID": "a,1", "gtboxes": []}, "line 2, has the ID a,1 of line 1"),
    "no boxes": ({"ID": "b"}, 'line 2, has no list "gtboxes"'),
    "boxes of another kind": ({"ID": "b", "gtboxes": [[1, 2, 3, 4]]}, 'no list "gtboxes" of obj'),
    "three numbers": ({"ID": "b", "gtboxes": [person(1, 2, 3)]}, r'"fbox" \[1, 2, 3\], not 4'),
    "text": ({"ID": "b", "gtboxes": [person(1, 2, 3, "x")]}, "line 2, box number 1"),
    "nan": ({"ID": "b", "gtboxes": [person(1, 2, 3, float("nan"))]}, "NaN.*, not 4 finite"),
    "no box": ({"ID": "b", "gtboxes": [person(1, 2, 3, 4), {"tag": "person"}]}, "number 2 .* null"),
    "no tag": ({"ID": "b", "gtboxes": [{"fbox": [1, 2, 3, 4]}]}, 'line 2, .*without a "tag"'),
    "size": ({"ID": "b", "gtboxes": [], "height": 3}, "line 2, has the height 3 and the width Non"),
}


@pytest.mark.parametrize("line, sentence", FAULTY.values(), ids=FAULTY)
def test_faulty_lines(tmp_path, line, sentence):
    with pytest.raises(UserError, match=sentence) as caught:
        read_ground_truths(write(tmp_path / "gt.odgt", [LINES[0], line]))
    assert str(tmp_path) in str(caught.value) and "\n" not in str(caught.value)


def test_faulty_detections(tmp_path):
    line = {"ID": "a", "dtboxes": [{"box": [1, 2, 3, 4], "score": None}]}
    with pytest.raises(UserError, match='line 1, box number 1 has the "score" null, not a finite'):
        read_detections(write(tmp_path / "dt.odgt", [line]))


def test_unreadable_files(tmp_path):
    with pytest.raises(UserError, match=r"gt.odgt cannot be read"):
        read_ground_truths(tmp_path / "gt.odgt")
    with pytest.raises(UserError, match="no line with an image"):
        read_ground_truths(write(tmp_path / "gt.odgt", ["", " "]))
    (tmp_path / "gt.odgt").write_bytes(b'{"ID": "\xff"}')
    with pytest.raises(UserError, match=r"gt.odgt, line 1, is not a JSON object \('utf-8'"):
        read_ground_truths(tmp_path / "gt.odgt")


def test_byte_order_mark_and_ends_of_lines(tmp_path):
    file = write(tmp_path / "gt.odgt", LINES)
    plain = [image.image_id for image in read_ground_truths(file)]
    text = file.read_text().replace("\n", "\r\n\r\n")
    file.write_text(text, encoding="utf-8-sig")
    assert [image.image_id for image in read_ground_truths(file)] == plain == ["a,1", "b", "c"]
