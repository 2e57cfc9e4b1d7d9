"""From a folder of Pascal VOC's layout (Everingham et al., 2010) to COCO's format, with the images'
real names and sizes and the lists of ImageSets, which `hotcoco.COCO.from_voc` does not look at."""

import math
import os
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

from PIL import Image

from dual_weighting.data.checks.findings import some
from dual_weighting.data.checks.image_files import ImageFile, read_image_file, split_by_share
from dual_weighting.data.images import IMAGE_SUFFIXES, orientation
from dual_weighting.utils.errors import UserError

IMAGES, ANNOTATIONS, LISTS = "JPEGImages", "Annotations", Path("ImageSets", "Main")
PARTS = ("train", "val", "trainval", "test")
CORNERS = ("xmin", "ymin", "xmax", "ymax")
FAULTS = (  # what parsing an invalid file raises
    *(ElementTree.ParseError, ArithmeticError, AttributeError, LookupError, OSError),
    *(RecursionError, TypeError, ValueError),
)

# What was not taken as it stands.
WITHOUT_IMAGE = "XML files without an image, left out"
WITHOUT_ANNOTATIONS = "images without an XML file, left out"
IN_NO_LIST = "images in no list of ImageSets/Main, left out"
UNKNOWN = "lines of ImageSets/Main that name no annotated image"
OTHER_SIZE = "images of another size than their XML file says, their boxes kept"
TURNED = "images turned upright by their EXIF data, their boxes with them"
DIFFICULT = "difficult objects, written as crowds: not trained on"

Notes = dict[str, list[str]]  # names by what was not taken as it stands


def convert(
    root: Path,
    *,
    image_root: Path | None = None,
    annotation_root: Path | None = None,
    val_share: float = 0.2,
) -> tuple[dict[str, dict], Notes]:
    """COCO's content of the parts of the folder, with one list of categories; see `split`.

    Boxes are turned from pixels counted from 1, with the last one inside, into corners counted
    from 0. "difficult" objects become crowds, which are neither trained on nor evaluated.

    Args:
        image_root, annotation_root: None for the folders that VOC has, or `root` itself where
            there are none.

    Raises:
        UserError: a folder is missing, a file cannot be read, or two parts share an image.
    """
    image_root = image_root or default_folder(root, IMAGES)
    annotation_root = annotation_root or default_folder(root, ANNOTATIONS)
    images = files_by_stem(image_root, IMAGE_SUFFIXES)
    annotations = files_by_stem(annotation_root, {".xml"})
    stems = sorted(set(images) & set(annotations))
    if not stems:
        raise UserError(
            f"No image of {image_root} has an XML file of its name in {annotation_root}; --images "
            "and --annotations name other folders."
        )
    objects = {stem: read_objects(annotations[stem][0]) for stem in stems}
    files = {stem: read_image(images[stem], annotations[stem][0]) for stem in stems}
    lists, unknown = read_lists(root / LISTS, stems)
    parts = split(lists, {stem: file.digest for stem, file in files.items()}, val_share)
    notes = {
        WITHOUT_IMAGE: sorted(set(annotations) - set(images)),
        WITHOUT_ANNOTATIONS: sorted(set(images) - set(annotations)),
        IN_NO_LIST: sorted(set(stems).difference(*parts.values())),
        UNKNOWN: unknown,
    }
    names = sorted({x["name"] for found in objects.values() for x in found})
    category_ids = {name: k for k, name in enumerate(names, start=1)}
    contents, seen = {}, {OTHER_SIZE: set(), TURNED: set(), DIFFICULT: set()}
    for part, chosen in parts.items():
        contents[part] = content = {
            "images": [],
            "annotations": [],
            "categories": [{"id": k, "name": name} for name, k in category_ids.items()],
        }
        for stem in chosen:
            add_image(content, files[stem], objects[stem], category_ids, seen)
    return contents, notes | {what: sorted(found) for what, found in seen.items()}


def default_folder(root: Path, name: str) -> Path:
    if not root.is_dir():
        raise UserError(f"The folder {root} does not exist.")
    return root / name if (root / name).is_dir() else root


def files_by_stem(folder: Path, suffixes: Collection[str]) -> dict[str, list[Path]]:
    """The files of a folder with these suffixes, but hidden ones, by their names without suffix."""
    if not folder.is_dir():
        raise UserError(f"The folder {folder} does not exist.")
    found = defaultdict(list)
    for file in sorted(folder.iterdir()):
        if file.suffix.lower() in suffixes and not file.name.startswith(".") and file.is_file():
            found[file.stem].append(file)
    return found


def read_lists(folder: Path, stems: Sequence[str]) -> tuple[dict[str, list[str]], list[str]]:
    """The images of each list that is there, and the lines that name none.

    A line is a name, which may have spaces, or a name and a flag (1, 0 or -1).
    """
    lists, unknown, known = {}, [], set(stems)
    for file in (folder / f"{part}.txt" for part in PARTS):
        if not file.is_file():
            continue
        try:
            lines = file.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, ValueError) as error:
            raise UserError(f"{file} cannot be read ({error}).") from error
        chosen = set()
        for line in filter(None, map(str.strip, lines)):
            name, *flag = line.rsplit(maxsplit=1)
            names = [line, *([name] if flag in (["1"], ["0"], ["-1"]) else [])]
            names += [Path(x).stem for x in names if Path(x).suffix.lower() in IMAGE_SUFFIXES]
            match = next((x for x in names if x in known), None)
            chosen.add(match) if match is not None else unknown.append(f"{line} of {file.name}")
        if not chosen:
            raise UserError(f"{file} names none of the annotated images, such as {stems[0]}.")
        lists[file.stem] = [stem for stem in stems if stem in chosen]
    return lists, unknown


def split(
    lists: Mapping[str, list[str]], digests: Mapping[str, bytes], val_share: float
) -> dict[str, list[str]]:
    """The images of each part: those that have a list, and "train" and "val", which are added.

    A missing "train" or "val" is what is left of "trainval", or else of all images, without the
    other lists; where both are missing, or nothing is left for a missing "val" and there is no
    "test" either, `val_share` of it is the validation.

    `digests`: of all images, see `split_by_share`. UserError: two lists share an image.
    """
    for a, b in (("train", "val"), ("train", "test"), ("val", "test"), ("trainval", "test")):
        if both := sorted(set(lists.get(a, ())) & set(lists.get(b, ()))):
            raise UserError(
                f"{a}.txt and {b}.txt both name {some(both)}: an image is in one of them only."
            )
    parts = dict(lists)
    others = [lists.get(part, ()) for part in ("train", "val", "test")]
    pool = lists.get("trainval", list(digests))
    rest = [stem for stem in pool if stem not in set().union(*others)]
    if "train" not in parts and "val" in parts:
        if not rest:
            raise UserError("val.txt and test.txt name all images: none is left to train on.")
        parts["train"] = rest
    elif "val" not in parts:
        if "train" in parts and rest and ("trainval" in lists or "test" not in lists):
            parts["val"] = rest
        elif "train" not in parts or "test" not in lists:
            pool = parts.get("train", rest)
            chosen = split_by_share({stem: digests[stem] for stem in pool}, val_share)
            parts["train"], parts["val"] = chosen
    return {part: parts[part] for part in PARTS if part in parts}


def read_objects(file: Path) -> list[dict]:
    """Name, box, whether it is difficult, of each object of an XML file, and the image's size."""
    try:
        tree = ElementTree.parse(file).getroot()
        size = tuple(int(float(tree.findtext(f"size/{key}", "0"))) for key in ("width", "height"))
        objects = [
            {
                "name": item.findtext("name").strip(),
                "box": [float(item.findtext(f"bndbox/{key}")) for key in CORNERS],
                "difficult": item.findtext("difficult", "0").strip() == "1",
                "size": size,
            }
            for item in tree.iter("object")
        ]
        if not all(math.isfinite(side) for item in objects for side in item["box"]):
            raise ValueError("a coordinate is not finite")
        return objects
    except FAULTS as error:
        raise UserError(
            f"{file} is not an annotation of Pascal VOC ({' '.join(str(error).split())}): each "
            f"object has a name and a bndbox with {', '.join(CORNERS)}."
        ) from error


def read_image(candidates: Sequence[Path], annotation: Path) -> ImageFile:
    """The image of an XML file."""
    if len(candidates) > 1:
        raise UserError(
            f"{annotation} may belong to {' or '.join(x.name for x in candidates)}: give one of "
            "them another name."
        )
    file = read_image_file(os.fspath(candidates[0]), pixels=False)
    if file.size is None:
        raise UserError(f"The image {file.path} {file.error}.")
    return file


def add_image(
    content: dict,
    file: ImageFile,
    objects: list[dict],
    category_ids: dict[str, int],
    notes: dict[str, set[str]],
) -> None:
    """Put an image and its objects into `content`, with the size that is seen after EXIF."""
    width, height = file.size
    image_id, name = len(content["images"]) + 1, os.path.basename(file.path)
    content["images"].append({"id": image_id, "file_name": name, "width": width, "height": height})
    for item in objects:
        box = item["box"]
        if file.turned and width != height and item["size"] == (height, width):
            notes[TURNED].add(name)
            box = upright_box(box, file)
        elif item["size"] not in ((0, 0), file.size):
            notes[OTHER_SIZE].add(name)
        if item["difficult"]:
            notes[DIFFICULT].add(name)
        x1, y1, x2, y2 = box
        content["annotations"].append(
            {
                "id": len(content["annotations"]) + 1,
                "image_id": image_id,
                "category_id": category_ids[item["name"]],
                "bbox": [x1 - 1, y1 - 1, x2 - x1 + 1, y2 - y1 + 1],
                "area": (x2 - x1 + 1) * (y2 - y1 + 1),
                "iscrowd": int(item["difficult"]),
            }
        )


def upright_box(box: Sequence[float], file: ImageFile) -> list[float]:
    """Corners, in pixels counted from 1, of a box drawn on the image as its bytes have it, in the
    image turned upright."""
    x1, y1, x2, y2 = box
    width, height = file.size
    with Image.open(file.path) as image:
        turn = orientation(image)
    left, right = (y1, y2) if turn in (5, 8) else (width + 1 - y2, width + 1 - y1)
    top, bottom = (x1, x2) if turn in (5, 6) else (height + 1 - x2, height + 1 - x1)
    return [left, top, right, bottom]
