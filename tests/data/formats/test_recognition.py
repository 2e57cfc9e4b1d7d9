"""Files of other formats are named, with what to do."""

import json

import pytest

from dual_weighting.data.coco_content import parse_coco
from dual_weighting.utils.errors import UserError

VIA = {"a.jpg123": {"filename": "a.jpg", "size": 123, "regions": [], "file_attributes": {}}}
CVAT = '<?xml version="1.0"?>\n<annotations><meta/><image id="0" name="a.jpg"/></annotations>'


@pytest.mark.parametrize(
    ("name", "text", "match"),
    [
        ("a.txt", "0 0.5 0.5 0.2 0.2\n1 0.1 0.1 1e-2 0.02\n", "labels of YOLO.*from_yolo"),
        ("data.yaml", "train: images/train\nnc: 2\nnames: [a, b]\n", "labels of YOLO"),
        ("a.json", json.dumps({"shapes": [], "imagePath": "a.jpg"}), "LabelMe.*labelme2coco"),
        ("a.json", json.dumps(VIA), "JSON of VIA: export it as COCO"),
        ("a.json", json.dumps({"_via_img_metadata": VIA}), "JSON of VIA"),
        ("a.csv", "filename,file_size,region_shape_attributes\n", "CSV of VIA"),
        ("a.csv", "image,xmin,ymin,xmax,ymax,class\na.jpg,1,2,3,4,cat\n", 'a table.*"bbox": x, y'),
        ("a.csv", "\ufeffimage;xmin;ymin;xmax;ymax\n", "a table"),
        ("a.xml", CVAT, "CVAT: export it as COCO 1.0"),
        ("a.xml", "<annotation><object/></annotation>", "Pascal VOC.*voc_to_coco"),
        ("a.json", '{"images": [', "not valid JSON"),
        ("a.json", "", "not valid JSON"),
        ("a.json", '{"images": {}}', 'there are no "images"'),
    ],
)
def test_files(tmp_path, name, text, match):
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=match) as error:
        parse_coco(str(file))
    assert str(error.value).count("\n") == 0 and name in str(error.value)


@pytest.mark.parametrize(
    "content",
    ['{"images": [1, 2, 3, 4, 5'.encode("utf-16"), b"\xff\xd8\xff,,,,\0", b"\x89PNG\r,,,,\n\0"],
)
def test_files_that_are_no_table(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(UserError, match=r"not valid JSON|not in UTF-8"):
        parse_coco(str(tmp_path / "a.json"))


@pytest.mark.parametrize(
    ("inside", "match"),
    [("Annotations", "voc_to_coco"), ("labels", "labels of YOLO"), ("x", "name a JSON file in it")],
)
def test_folders(tmp_path, inside, match):
    (tmp_path / inside).mkdir()
    with pytest.raises(UserError, match=match):
        parse_coco(str(tmp_path))
