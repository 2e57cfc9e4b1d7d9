"""Files of annotations that are in another format than COCO's, told by what is in them."""

import json
import os
import re
from pathlib import Path
from typing import Any

COCO_LISTS = (
    'COCO\'s format has the lists "images", "annotations" (with "bbox": x, y, width, height in '
    'pixels) and "categories"'
)
HEAD = 65536  # bytes that are looked at
YOLO_LINE = re.compile(r"\d+( +-?[\d.]+(e-?\d+)?){4,}$", re.IGNORECASE)
YOLO = (
    "labels of YOLO: in Python, hotcoco.COCO.from_yolo('labels', 'images').save('train.json') "
    "converts a folder of labels with its data.yaml"
)


def other_format(file: str) -> str | None:
    """Which other format a file or folder, that is no JSON, is in, and what to do; None if it is
    none of those known."""
    path = Path(file)
    if path.is_dir():
        return folder_format(path)
    try:
        with path.open("rb") as stream:
            head = stream.read(HEAD)
    except OSError:
        return None
    text = head.decode(json.detect_encoding(head), errors="replace").lstrip("\ufeff")
    if "\0" in text:
        return None  # no text
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    first = lines[0] if lines else ""
    if first.startswith("<"):
        if "<image " in text and ("<annotations" in text):
            return (
                "XML of CVAT: export it as COCO 1.0 there, or in Python, "
                "hotcoco.COCO.from_cvat(file).save('train.json')"
            )
        if "<annotation" in text:
            return "XML of Pascal VOC: convert the folder with tools/voc_to_coco.py"
        return None
    if lines and all(YOLO_LINE.match(line) for line in lines[:-1] or lines):
        return YOLO
    if path.suffix.lower() in (".yaml", ".yml") and re.search(r"^(names|nc):", text, re.MULTILINE):
        return YOLO
    if "region_shape_attributes" in first:
        return "CSV of VIA: export it as COCO there (Annotation, Export Annotations)"
    separators = max(first.count(x) for x in ",;\t")
    if separators >= 3 and not first.startswith(("{", "[")):
        return f"CSV, a table: write it as COCO's JSON ({COCO_LISTS})"
    return None


def folder_format(path: Path) -> str | None:
    names = set(os.listdir(path))
    if names & {"Annotations", "JPEGImages"} or any(x.endswith(".xml") for x in names):
        return "a folder, as of Pascal VOC: convert it with tools/voc_to_coco.py"
    if names & {"labels", "data.yaml", "dataset.yaml"}:
        return f"a folder with {YOLO}"
    return None


def other_json(content: Any) -> str | None:
    """Which other format the content of a JSON file is in, and what to do."""
    if isinstance(content, dict) and "shapes" in content and "imagePath" in content:
        return "JSON of LabelMe, one file an image: convert the folder with labelme2coco"
    via = content.get("_via_img_metadata", content) if isinstance(content, dict) else None
    if isinstance(via, dict) and via:
        entry = next(iter(via.values()))
        if isinstance(entry, dict) and "regions" in entry and "filename" in entry:
            return "JSON of VIA: export it as COCO there (Annotation, Export Annotations)"
    return None
