"""From a folder of Pascal VOC's layout (Everingham et al., 2010) to COCO's format."""

import hashlib
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from dual_weighting.data.image_checks import read_image_file
from dual_weighting.errors import UserError

IMAGES, ANNOTATIONS, LISTS = "JPEGImages", "Annotations", Path("ImageSets", "Main")
CORNERS = ("xmin", "ymin", "xmax", "ymax")
FAULTS = (  # what parsing a file that is none raises
    *(ElementTree.ParseError, ArithmeticError, AttributeError, LookupError, OSError),
    *(RecursionError, TypeError, ValueError),
)


@dataclass
class Notes:
    """What was not taken as it stands, by name."""

    without_image: list[str] = field(default_factory=list)
    without_annotations: list[str] = field(default_factory=list)
    in_no_list: list[str] = field(default_factory=list)
    other_size: list[str] = field(default_factory=list)
    difficult: list[str] = field(default_factory=list)


def convert(
    root: Path, *, image_root: Path | None = None, val_share: float = 0.2
) -> tuple[dict[str, dict], Notes]:
    """COCO's content of the "train" and "val" of the folder, with one list of categories.

    The parts are those of ImageSets/Main/train.txt and val.txt; where there are none, `val_share`
    of the images, chosen by their names, are "val". Boxes are turned from pixels counted from 1,
    with the last one inside, into corners counted from 0. "difficult" objects become crowds, which
    are neither trained on nor evaluated.

    Raises:
        UserError: a folder is missing, or a file cannot be read.
    """
    notes = Notes()
    image_root = image_root or root / IMAGES
    images = files_by_stem(image_root)
    annotations = files_by_stem(root / ANNOTATIONS, endings=(".xml",))
    notes.without_annotations = sorted(set(images) - set(annotations))
    notes.without_image = sorted(set(annotations) - set(images))
    stems = sorted(set(images) & set(annotations))
    if not stems:
        raise UserError(
            f"No image of {image_root} has an XML file of its name in {root / ANNOTATIONS}."
        )
    objects = {stem: read_objects(annotations[stem]) for stem in stems}
    names = sorted({x["name"] for found in objects.values() for x in found})
    category_ids = {name: k for k, name in enumerate(names, start=1)}
    parts = split(root, stems, val_share=val_share)
    notes.in_no_list = sorted(set(stems).difference(*parts.values()))
    contents = {}
    for part, chosen in parts.items():
        contents[part] = content = {
            "images": [],
            "annotations": [],
            "categories": [{"id": k, "name": name} for name, k in category_ids.items()],
        }
        for stem in chosen:
            add_image(content, images[stem], objects[stem], category_ids, notes)
    return contents, notes


def files_by_stem(folder: Path, endings: Sequence[str] = ()) -> dict[str, Path]:
    """The files of a folder by their names without ending."""
    if not folder.is_dir():
        raise UserError(f"The folder {folder} does not exist.")
    files = sorted(x for x in folder.iterdir() if not endings or x.suffix.lower() in endings)
    return {file.stem: file for file in files if file.is_file()}


def split(root: Path, stems: Sequence[str], *, val_share: float) -> dict[str, list[str]]:
    """Which of the images are "train" and which are "val"."""
    lists = {part: root / LISTS / f"{part}.txt" for part in ("train", "val")}
    if all(file.is_file() for file in lists.values()):
        return {part: listed(file, stems) for part, file in lists.items()}
    by_chance = sorted(stems, key=lambda stem: hashlib.sha1(stem.encode()).digest())
    val = set(by_chance[: round(val_share * len(stems))])
    return {
        "train": [stem for stem in stems if stem not in val],
        "val": [stem for stem in stems if stem in val],
    }


def listed(file: Path, stems: Sequence[str]) -> list[str]:
    """The images of a list. A line is a name, which may have spaces, or a name and a flag."""
    try:
        lines = {line.strip() for line in file.read_text(encoding="utf-8").splitlines()}
    except (OSError, ValueError) as error:
        raise UserError(f"{file} cannot be read ({error}).") from error
    names = lines | {line.rsplit(maxsplit=1)[0] for line in lines if line}
    chosen = [stem for stem in stems if stem in names]
    if not chosen:
        raise UserError(f"{file} names none of the annotated images, such as {stems[0]}.")
    return chosen


def read_objects(file: Path) -> list[dict]:
    """Name, box, whether it is difficult, of each object of an XML file, and the image's size."""
    try:
        tree = ElementTree.parse(file).getroot()
        size = tuple(int(float(tree.findtext(f"size/{key}", "0"))) for key in ("width", "height"))
        return [
            {
                "name": item.findtext("name").strip(),
                "box": [finite(item.findtext(f"bndbox/{key}")) for key in CORNERS],
                "difficult": item.findtext("difficult", "0").strip() == "1",
                "size": size,
            }
            for item in tree.iter("object")
        ]
    except FAULTS as error:
        raise UserError(
            f"{file} is no annotation of Pascal VOC ({' '.join(str(error).split())}): each object "
            f"has a name and a bndbox with {', '.join(CORNERS)}."
        ) from error


def finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is no coordinate")
    return value


def add_image(
    content: dict, path: Path, objects: list[dict], category_ids: dict[str, int], notes: Notes
) -> None:
    """Put an image and its objects into `content`, with the size that the file has."""
    file = read_image_file(os.fspath(path), pixels=False)
    if file.size is None:
        raise UserError(f"The image {path} {file.error}.")
    width, height = file.size
    image_id = len(content["images"]) + 1
    content["images"].append(
        {"id": image_id, "file_name": path.name, "width": width, "height": height}
    )
    if any(item["size"] not in ((0, 0), file.size) for item in objects):
        notes.other_size.append(path.name)
    for item in objects:
        x1, y1, x2, y2 = item["box"]
        box = [x1 - 1, y1 - 1, x2 - x1 + 1, y2 - y1 + 1]
        content["annotations"].append(
            {
                "id": len(content["annotations"]) + 1,
                "image_id": image_id,
                "category_id": category_ids[item["name"]],
                "bbox": box,
                "area": box[2] * box[3],
                "iscrowd": int(item["difficult"]),
            }
        )
        if item["difficult"]:
            notes.difficult.append(path.name)
