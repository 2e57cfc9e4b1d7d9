"""Damaged annotation files: refused in one sentence, or loaded as they are written."""

import json
import math

import cv2
import numpy as np
import pytest
from detectron2.data import DatasetCatalog, MetadataCatalog
from hypothesis import given, settings
from hypothesis import strategies as st

from dual_weighting.cli.check_data import check_data_command
from dual_weighting.data import get_detection_dataset_dicts
from dual_weighting.data.catalog import register_own
from dual_weighting.data.coco_file import read_coco_file
from dual_weighting.data.crowdhuman import read_detections, read_ground_truths
from dual_weighting.data.mapper import DetectionMapper
from dual_weighting.utils.errors import UserError, sentence

from .damage import json_files, outcome_of, spoilt_bytes

COCO = {
    "images": [
        {"id": n, "file_name": f"{n}.png", "width": 40, "height": 30, "license": 1} for n in (1, 2)
    ],
    "annotations": [
        {"id": 11, "image_id": 1, "category_id": 3, "bbox": [5, 6, 10, 12], "iscrowd": 0,
         "area": 120, "segmentation": [[5, 6, 15, 6, 15, 18]]},
        {"id": 12, "image_id": 2, "category_id": 7, "bbox": [1.5, 2, 3, 4], "iscrowd": 0},
        {"id": 13, "image_id": 2, "category_id": 7, "bbox": [0, 0, 9, 9], "iscrowd": 1,
         "segmentation": {"size": [30, 40], "counts": [200, 100, 900]}},
    ],
    "categories": [{"id": 7, "name": "dog"}, {"id": 3, "name": "cat"}],
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("coco")
    for n in (1, 2):
        cv2.imwrite(str(folder / f"{n}.png"), np.full((30, 40, 3), 60 * n, np.uint8))
    return folder


def load_as_a_training_does(file):
    """The records, each image of which was read."""
    own = read_coco_file(str(file))
    register_own(**own.entry())
    try:
        records = get_detection_dataset_dicts(names=own.name)
        mapper = DetectionMapper(False, augmentations=[], image_format="RGB")
        for record in records:
            mapper(record)
        return records
    finally:
        DatasetCatalog.remove(own.name)
        MetadataCatalog.remove(own.name)


def as_written(content):
    """Image id, and class and box of each annotation, of the images with objects."""
    classes = sorted(category["id"] for category in content["categories"])
    images = []
    for image in sorted(content["images"], key=lambda image: image["id"]):
        own = [x for x in content.get("annotations", []) if x["image_id"] == image["id"]]
        own = [x for x in own if not is_left_out(x.get("segmentation"))]
        if any(not x.get("iscrowd", 0) for x in own):
            boxes = [(classes.index(x["category_id"]), [*x["bbox"]]) for x in own]
            images.append((image["id"], image["file_name"], boxes))
    return images


def is_left_out(mask) -> bool:
    """Of which the training says so."""
    return (
        isinstance(mask, list)
        and bool(mask)
        and not any(len(p) >= 6 and len(p) % 2 == 0 for p in mask)
    )


@settings(max_examples=4 * settings.default.max_examples)
@given(content=json_files(COCO))
def test_coco(content, folder):
    file = folder / "annotations.json"
    file.write_bytes(content)
    try:
        records, text = load_as_a_training_does(file), ""
    except UserError as error:
        records, text = None, sentence(error)
        assert "\n" not in text and len(text) > 20
    else:
        found = [
            (r["image_id"], r["file_name"].removeprefix(f"{folder}/"),
             [(x["category_id"], [*x["bbox"]]) for x in r["annotations"]])
            for r in records
        ]  # fmt: skip
        assert found == as_written(json.loads(content))
    code, _ = outcome_of(
        check_data_command, json=str(file), images=None, val_json=None, val_images=None,
        config_file=None, headers_only=True, show=5, split=None, overrides=[],
    )  # fmt: skip
    # The look at the data and the training agree about what is wrong; the training does not look
    # at images without an object.
    if records is None:
        assert code == 1, text
    elif len(records) == len(json.loads(content)["images"]):
        assert code == 0


TRUTHS = {
    "ID": "a",
    "gtboxes": [
        {"tag": "person", "fbox": [1, 2, 30, 40], "extra": {"ignore": 0}},
        {"tag": "mask", "fbox": [5, 5, 20, 20]},
    ],
    "height": 100,
    "width": 90,
}
DETECTIONS = {"ID": "a", "dtboxes": [{"box": [1, 2, 30, 39], "score": 0.5, "tag": 1}]}


@given(which=st.sampled_from(["gt", "dt"]), data=st.data())
def test_odgt(which, data, tmp_path_factory):
    from dual_weighting.cli.evaluate_crowdhuman import evaluate_crowdhuman

    folder = tmp_path_factory.getbasetemp()
    files = {name: folder / f"{name}.odgt" for name in ("gt", "dt")}
    lines = {"gt": TRUTHS, "dt": DETECTIONS}
    for name, file in files.items():
        file.write_text(json.dumps(lines[name]) + "\n")
    content = data.draw(json_files(lines[which])) + b"\n"
    files[which].write_bytes(content)
    metrics = folder / "metrics.json"
    metrics.unlink(missing_ok=True)
    code, said = outcome_of(evaluate_crowdhuman, **files, json=metrics)
    if code:
        assert str(files[which]) in said or str(files["dt"]) in said
        return
    record = json.loads(content)
    read, boxes, box = (
        (read_ground_truths, "gtboxes", "fbox")
        if which == "gt"
        else (read_detections, "dtboxes", "box")
    )
    (image,) = read(files[which])
    assert image.image_id == record["ID"]
    assert image.boxes.tolist() == [[float(x) for x in item[box]] for item in record[boxes]]
    if which == "dt":
        assert image.scores.tolist() == [float(item["score"]) for item in record[boxes]]
    assert all(0 <= x <= 1 or math.isnan(x) for x in json.loads(metrics.read_text()).values())


XML = (
    "<annotation><size><width>40</width><height>30</height></size>"
    "<object><name>cat</name><difficult>0</difficult><bndbox><xmin>6</xmin><ymin>7</ymin>"
    "<xmax>15</xmax><ymax>18</ymax></bndbox></object></annotation>"
)
TEXTS = ["", "nan", "inf", "1e999", "-5", "x", "40 ", "<a/>", "&x;", "9" * 400]


@st.composite
def xml_files(draw):
    """XML in which texts or bytes are others."""
    text = XML
    for _ in range(draw(st.integers(1, 2))):
        old = draw(st.sampled_from(["40", "30", "cat", "0<", "6<", "7<", "15<", "18<", "object"]))
        text = text.replace(old, draw(st.sampled_from(TEXTS)) + "<" * old.endswith("<"))
    return draw(st.one_of(st.just(text.encode()), spoilt_bytes(text.encode())))


@given(content=xml_files())
def test_pascal_voc(content, folder, tmp_path_factory):
    from dual_weighting.cli.voc_to_coco import voc_to_coco

    root = tmp_path_factory.getbasetemp() / "voc"
    (root / "Annotations").mkdir(parents=True, exist_ok=True)
    (root / "Annotations" / "1.xml").write_bytes(content)
    (root / "Annotations" / "2.xml").write_text(XML)
    code, said = outcome_of(
        voc_to_coco, root=root, output=root / "coco", images=folder, annotations=None, val_share=0.2
    )
    if code:
        assert "1.xml" in said
        return
    parts = [json.loads((root / "coco" / f"{part}.json").read_text()) for part in ("train", "val")]
    boxes = [x["bbox"] for part in parts for x in part["annotations"]]
    assert all(math.isfinite(side) for box in boxes for side in box)
    if content == XML.encode():
        assert boxes == [[5, 6, 10, 12]] * 2
