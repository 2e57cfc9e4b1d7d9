"""Recognizes annotations in other formats than COCO's by their content."""

import json
import os
import re
from pathlib import Path
from typing import Any

HEAD = 65536  # bytes to look at
YOLO_LINE = re.compile(r"\d+( +-?[\d.]+(e-?\d+)?){4,}$", re.IGNORECASE)
YOLO = (
    "labels of YOLO: in Python, hotcoco.COCO.from_yolo('labels', 'images').save('train.json') "
    "converts a folder of labels with its data.yaml"
)
CVAT = (
    "XML of CVAT: export it as COCO 1.0 there, or in Python, "
    "hotcoco.COCO.from_cvat(file).save('train.json')"
)
EXPORT = "export it as COCO there (Annotation, Export Annotations)"
TABLE = (
    'CSV, a table: write it as COCO\'s JSON (COCO\'s format has the lists "images", "annotations" '
    '(with "bbox": x, y, width, height in pixels) and "categories")'
)


def other_format(file: str) -> str | None:
    """Which other format a file or folder that is not JSON is in, and what to do; None if it is not
    a known one."""
    path = Path(file)
    if path.is_dir():
        return folder_format(set(os.listdir(path)))
    try:
        with path.open("rb") as stream:
            head = stream.read(HEAD)
    except OSError:
        return None
    text = head.decode(json.detect_encoding(head), errors="replace").lstrip("\ufeff")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if "\0" in text or not lines:
        return None
    is_xml, is_json = lines[0].startswith("<"), lines[0].startswith(("{", "["))
    is_yaml = path.suffix.lower() in (".yaml", ".yml")
    is_yolo = all(YOLO_LINE.match(line) for line in lines[:-1] or lines)
    is_yolo |= is_yaml and re.search(r"^(names|nc):", text, re.MULTILINE) is not None
    for applies, what in (
        (is_xml and "<image " in text and "<annotations" in text, CVAT),
        (
            is_xml and "<annotation" in text,
            "XML of Pascal VOC: convert the folder with tools/voc_to_coco.py",
        ),
        (is_yolo, YOLO),
        ("region_shape_attributes" in lines[0], f"CSV of VIA: {EXPORT}"),
        (not is_xml and not is_json and max(map(lines[0].count, ",;\t")) >= 3, TABLE),
    ):
        if applies:
            return what
    return None


def folder_format(names: set[str]) -> str | None:
    if names & {"Annotations", "JPEGImages"} or any(x.endswith(".xml") for x in names):
        return "a folder, as of Pascal VOC: convert it with tools/voc_to_coco.py"
    return f"a folder with {YOLO}" if names & {"labels", "data.yaml", "dataset.yaml"} else None


def other_json(content: Any) -> str | None:
    """Which other format the content of a JSON file is in, and what to do."""
    if not isinstance(content, dict):
        return None
    if "shapes" in content and "imagePath" in content:
        return "JSON of LabelMe, one file an image: convert the folder with labelme2coco"
    via = content.get("_via_img_metadata", content)
    entry = next(iter(via.values()), None) if isinstance(via, dict) else None
    is_via = isinstance(entry, dict) and "regions" in entry and "filename" in entry
    return f"JSON of VIA: {EXPORT}" if is_via else None
