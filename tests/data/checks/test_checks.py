"""What tools/check_data.py finds in annotations and images."""

import cv2
import numpy as np
import pytest
from PIL import Image

from dual_weighting.cli.check_data import crowd_finding
from dual_weighting.data.checks.annotations import annotation_findings
from dual_weighting.data.checks.findings import Finding, report
from dual_weighting.data.checks.image_files import (
    ImageFile,
    image_findings,
    leak_finding,
    read_image_files,
)
from dual_weighting.data.checks.table import AnnotationTable
from dual_weighting.data.coco_content import CocoContent


def table_of(content) -> AnnotationTable:
    categories = sorted(content["categories"], key=lambda category: category["id"])
    return AnnotationTable.of(
        CocoContent("own.json", content["images"], content["annotations"], categories)
    )


def found(content, **options) -> dict[str, list[str]]:
    findings = annotation_findings(table_of(content), **options)
    return {x.what: x.items for x in findings if x.items}


def test_a_sound_file(content):
    assert found(content) == {}
    assert table_of(content).class_counts() == [("cat", 1, 1), ("dog", 1, 1)]


def test_a_file_without_annotations(content):
    content["annotations"] = []
    assert list(found(content)) == ["images without an object", "classes without an object"]


def test_one_class_written_in_two_ways(content):
    content["categories"] += [{"id": 50, "name": "Cat "}, {"id": 51, "name": "?"}]
    findings = found(content)
    assert findings["classes whose names differ only in case, spaces or punctuation"] == [
        '"cat" and "Cat "'
    ]


ADDED = {
    "annotations with the id of another": {"id": 11, "bbox": [0, 0, 5, 5]},
    "annotations of an unknown category": {"category_id": 99},
    'annotations that say "ignore"': {"ignore": 1, "bbox": [0, 0, 5, 5]},
    "invalid boxes, or boxes without area inside their image": {"bbox": [5, 6, 0, 3]},
    "annotations of images that the file does not list": {"image_id": 5},
    "boxes that extend beyond their image": {"bbox": [30, 6, 11.5, 3]},
    "annotations that repeat another": {},
    "run-length codes that do not match their image": {
        "segmentation": {"size": [30, 40], "counts": [5]},
        "bbox": [0, 0, 5, 5],
    },
    "annotations whose mask has no polygon with three points": {
        "segmentation": [[1, 2]],
        "bbox": [0, 0, 5, 5],
    },
}


@pytest.mark.parametrize(("what", "changes"), ADDED.items(), ids=list(ADDED))
def test_one_annotation_is_found_and_named(content, what, changes):
    content["annotations"].append({**content["annotations"][0], "id": 50, **changes})
    findings = found(content)
    assert list(findings) == [what]
    (item,) = findings[what]
    if what == "annotations with the id of another":
        assert item == "two annotations have the id 11"
    else:
        assert f"annotation 50 of image id {changes.get('image_id', 1)}" in item


@pytest.mark.parametrize(
    ("box", "empty"),
    [
        ([39, 29, 10, 10], False),
        ([40, 6, 10, 10], True),
        ([5, -10, 10, 10], True),
        ([5, 6, -1, 3], True),
        ([5, 6, float("nan"), 3], True),
        (["5", 6, 1, 3], True),
        ([5, 6, 1], True),
    ],
)
def test_boxes_without_area(content, box, empty):
    content["annotations"][0]["bbox"] = box
    assert table_of(content).has_area().tolist() == [not empty, True]


def test_masks_are_asked_for_only_where_they_are_trained(content):
    assert "objects without a mask" not in found(content)
    assert len(found(content, masks=True)["objects without a mask"]) == 2


def test_images(tmp_path):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 255, (30, 40, 3), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "sound.png"), pixels)
    (tmp_path / "copy.png").write_bytes((tmp_path / "sound.png").read_bytes())
    (tmp_path / "cut.png").write_bytes((tmp_path / "sound.png").read_bytes()[:900])
    (tmp_path / "text.png").write_text("no image")
    exif = Image.Exif()
    exif[0x0112] = 6  # shown with its sides exchanged
    Image.fromarray(pixels).save(tmp_path / "turned.jpg", exif=exif)
    names = ["sound.png", "copy.png", "cut.png", "text.png", "turned.jpg", "missing.png"]
    images = [
        {"id": k, "file_name": name, "width": 40, "height": 30} for k, name in enumerate(names)
    ]
    files = read_image_files([str(tmp_path / name) for name in names], name="test")
    findings = {x.what: x.items for x in image_findings(images, files) if x.items}
    cut, text, missing = findings["images that are missing or cannot be read"]
    assert "image id 2: " in cut and "image id 3: " in text and "known format" in text
    assert missing == f"image id 5: {tmp_path / 'missing.png'} does not exist"
    (size,) = findings["images whose size differs from their annotations"]
    assert size.startswith("image id 4 (turned.jpg): 30 x 40, not 40 x 30 (after EXIF")
    assert findings["identical images"] == ["sound.png (image id 0), copy.png (image id 1)"]
    pairs = list(zip(images, files, strict=True))
    leak = leak_finding(pairs[:1], pairs[1:])
    assert leak.items == ["copy.png (image id 1) is sound.png (image id 0)"]
    quick = read_image_files([str(tmp_path / "cut.png")], pixels=False, name="test")
    assert quick[0].size == (40, 30)


def test_report():
    findings = [
        Finding("dull things", [f"thing {k}" for k in range(4)], advice="polish them"),
        Finding("nothing", []),
        Finding("broken things", ["thing 7"], stops=True),
    ]
    assert report(findings, num_shown=2).splitlines() == [
        "This would stop training:",
        "  broken things: 1",
        "    thing 7",
        "Worth a look:",
        "  dull things: 4 (polish them)",
        "    thing 0",
        "    thing 1",
        "    ... and 2 more",
    ]
    assert report([]) == "Nothing is wrong."


def test_crowded_images(content):
    first = content["annotations"][0]
    content["annotations"] += [{**first, "id": 100 + k} for k in range(100)]
    finding = crowd_finding(table_of(content))
    assert finding.items == [f"{content['images'][0]['file_name']}: 101 objects"]
    assert "max_detections_per_image" in finding.advice and "to 200" in finding.advice
    assert "dataloader.evaluator.max_dets_per_image" in finding.advice
    content["annotations"].pop()
    assert not crowd_finding(table_of(content)).items


@pytest.mark.parametrize(
    ("file_name", "expected"),
    [("a/../b.png", False), ("..b/c.png", False), ("../b.png", True), ("a/../../b.png", True)],
)
def test_names_that_lead_out(file_name, expected):
    findings = image_findings([{"id": 1, "file_name": file_name}], [ImageFile(file_name)])
    (found,) = [x.items for x in findings if "lead out" in x.what]
    assert found == ([f"image id 1: {file_name}"] if expected else [])
