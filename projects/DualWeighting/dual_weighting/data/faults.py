"""What is wrong with a COCO annotation file that could not be loaded.

Reads the file again, so nothing here is called unless something is wrong.
"""

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from detectron2.data import MetadataCatalog
from detectron2.utils.file_io import PathManager

from dual_weighting.data.value_types import wrong_types

Kinds = Callable[[Any], Iterator[str]]  # what is wrong with the content of a file, in sentences


def find_fault(json_file: str, *, dataset_name: str, error: Exception) -> str:
    """A sentence about the first fault in `json_file`, or if it has none of the known ones, about
    the `error` that loading it raised."""
    try:
        with PathManager.open(json_file) as file:
            content = json.load(file)
    except (OSError, ValueError, RecursionError) as reason:
        return f"{json_file} is no readable JSON ({reason}); write or download it again."
    fault = first_fault(content, partial(faults, dataset_name=dataset_name))
    if fault is None:
        fault = f"something is wrong ({type(error).__name__}: {one_line(error)}); correct it"
    return f"In {json_file}, {fault}."


def first_fault(content: Any, kinds: Kinds) -> str | None:
    """The first fault in the content of a file that belongs to no data set yet, `None` without."""
    try:
        return next(kinds(content), None)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        return f"something is wrong ({type(error).__name__}: {one_line(error)}); correct it"


def faults(content: Any, *, dataset_name: str | None = None) -> Iterator[str]:
    """What is wrong with the content of the file and what to do about it, most basic first.

    What comes after a fault may rely on there being none: ask for the first only.
    """
    yield from basic_faults(content)
    yield from faulty_names(content)
    annotations = content.get("annotations", [])
    yield from faulty_annotations(annotations, categories=content["categories"])
    yield from faulty_codes(annotations, images=content["images"])
    if dataset_name is None:
        return
    classes = [item["name"] for item in sorted(content["categories"], key=lambda item: item["id"])]
    registered = MetadataCatalog.get(dataset_name).get("thing_classes", classes)
    if registered != classes:
        yield (
            f"the categories are {classes} but data set {dataset_name} is registered with "
            f"{registered}; make them agree"
        )


def basic_faults(content: Any) -> Iterator[str]:
    """Parts that the file lacks; as `faults`, but without these nothing else can be looked for."""
    if not isinstance(content, dict):
        yield f"the outermost value is a {type(content).__name__}; in COCO's format it is an object"
    for key in ("images", "categories"):
        if not isinstance(content.get(key), list) or not content[key]:
            yield f'there are no "{key}"; add the list'
    annotations = content.get("annotations", [])
    if not isinstance(annotations, list):
        yield f'the "annotations" are a {type(annotations).__name__}; make them a list'
    yield from missing_keys(content["images"], "image", ("id", "file_name", "height", "width"))
    yield from missing_keys(content["categories"], "category", ("id", "name"))
    yield from missing_keys(annotations, "annotation", ("id", "image_id", "category_id", "bbox"))
    yield from wrong_types(content["images"], "image")
    yield from wrong_types(content["categories"], "category")
    yield from wrong_types(annotations, "annotation")


def missing_keys(items: Any, kind: str, keys: tuple[str, ...]) -> Iterator[str]:
    for number, item in enumerate(items):
        for key in keys:
            if not isinstance(item, dict) or key not in item:
                which = item.get("id") if isinstance(item, dict) else None
                name = f"number {number} of the list" if which is None else f"id {which}"
                yield f'{kind} {name} has no "{key}"; add it'


def faulty_names(content: dict) -> Iterator[str]:
    """Ids and names that two images or two categories share."""
    for kind, items in (("image", content["images"]), ("category", content["categories"])):
        for item in repeated(items, "id"):
            yield f"two have {kind} id {item['id']}; give each its own"
    for category in repeated(content["categories"], "name"):
        yield f'two categories are called "{category["name"]}"; give each its own name'


def repeated(items: list[dict], key: str) -> Iterator[dict]:
    """The items that have the same as an earlier one under `key`."""
    seen = set()
    for item in items:
        if item[key] in seen:
            yield item
        seen.add(item[key])


def faulty_annotations(annotations: list[dict], *, categories: list[dict]) -> Iterator[str]:
    category_ids = {category["id"] for category in categories}
    seen = set()
    for annotation in annotations:
        name = f"annotation {annotation['id']} of image id {annotation['image_id']}"
        if annotation["category_id"] not in category_ids:
            yield (
                f"{name} has category id {annotation['category_id']}, which is none of the "
                f"{len(category_ids)} categories of the file; add the category or correct the id"
            )
        if annotation["id"] in seen:
            yield f"{name} has an id that another annotation has too; give each its own"
        if annotation.get("ignore", 0):
            yield f'{name} says "ignore", unknown to Detectron2; use "iscrowd" or remove it'
        if not annotation["bbox"]:
            yield f"{name} has the box {annotation['bbox']}; repair or remove it"
        seen.add(annotation["id"])


def faulty_codes(annotations: list[dict], *, images: list[dict]) -> Iterator[str]:
    """Masks as run-length codes that are not of the size of their image."""
    sizes = {image["id"]: [image["height"], image["width"]] for image in images}
    for annotation in annotations:
        code = annotation.get("segmentation")
        size = sizes.get(annotation["image_id"])
        if not isinstance(code, dict) or size is None:
            continue
        counts = code["counts"]
        complete = isinstance(counts, str) or sum(counts) == size[0] * size[1]
        if code["size"] != size or not complete:
            yield (
                f"annotation {annotation['id']} of image id {annotation['image_id']} has a "
                f"run-length code that is not of the {size[1]} x {size[0]} pixels of its image; "
                "write it again"
            )


def annotation_id_of_box(json_file: str, *, image_id: int, box: Any) -> int | None:
    """The id of the annotation of an image that has this box; `None` if there is none."""
    with PathManager.open(json_file) as file:
        annotations = json.load(file)["annotations"]
    for annotation in annotations:
        # By their text, in which NaN is like NaN.
        if annotation["image_id"] == image_id and str(annotation.get("bbox")) == str(box):
            return annotation["id"]
    return None


def one_line(error: Exception) -> str:
    return " ".join(str(error).split())
