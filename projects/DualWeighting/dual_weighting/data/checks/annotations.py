"""What is wrong with annotations in COCO's format, or deserves a look; images are not opened."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from dual_weighting.data.checks.box_values import box_array, has_area
from dual_weighting.data.checks.findings import Finding
from dual_weighting.data.checks.value_types import is_coco_box, run_lengths, shown
from dual_weighting.data.coco_content import CocoContent, has_polygon


@dataclass(frozen=True)
class AnnotationTable:
    """The A annotations and I images of a file as arrays.

    Attributes:
        image: (A,), position of each annotation's image, -1 if the file has none of that id.
        category: (A,), position of its category by rising id, -1 if unknown.
        boxes: (A, 4), x1, y1, x2, y2 in pixels of the file; NaN where there is no box.
        is_crowd: (A,) bool.
        sizes: (I, 2), width and height of each image.
    """

    content: CocoContent
    image: np.ndarray
    category: np.ndarray
    boxes: np.ndarray
    is_crowd: np.ndarray
    sizes: np.ndarray

    @classmethod
    def of(cls, content: CocoContent) -> "AnnotationTable":
        images, annotations = content.images, content.annotations
        position = {image["id"]: k for k, image in enumerate(images)}
        class_of = {id_: k for k, id_ in enumerate(content.category_ids)}
        boxes = box_array([x["bbox"] for x in annotations])
        boxes[:, 2:] += boxes[:, :2]
        return cls(
            content=content,
            image=np.array([position.get(x["image_id"], -1) for x in annotations], dtype=int),
            category=np.array([class_of.get(x["category_id"], -1) for x in annotations], dtype=int),
            boxes=boxes,
            is_crowd=np.array([bool(x.get("iscrowd", 0)) for x in annotations], dtype=bool),
            sizes=np.array([(x["width"], x["height"]) for x in images], dtype=np.float64),
        )

    def size_of_image(self) -> np.ndarray:
        """Width and height of each annotation's image, (A, 2); infinite if it has none."""
        sizes = np.vstack([self.sizes, [np.inf, np.inf]])
        return sizes[self.image]

    def clipped_boxes(self) -> np.ndarray:
        """The parts of the boxes inside their images, (A, 4)."""
        return self.boxes.clip(0, np.tile(self.size_of_image(), 2))

    def has_area(self) -> np.ndarray:
        """Mask (A,) of the boxes with an area inside their image, as a training asks for."""
        return has_area(self.boxes, self.size_of_image())

    def is_object(self) -> np.ndarray:
        """Mask (A,) of what is evaluated, and if `is_loaded` trained on: sound boxes of classes in
        images."""
        return self.has_area() & (self.image >= 0) & (self.category >= 0) & ~self.is_crowd

    def is_loaded(self) -> np.ndarray:
        """Mask (A,) of what Detectron2 does not leave out: of images, with a polygon or no mask."""
        loaded = [has_polygon(x) for x in self.content.annotations]
        return (self.image >= 0) & np.array(loaded, dtype=bool)

    def class_counts(self) -> list[tuple[str, int, int]]:
        """Name, number of objects and number of images with one, of each class."""
        names = self.content.class_names
        chosen = self.is_object()
        objects = np.bincount(self.category[chosen], minlength=len(names))
        pairs = np.unique(np.stack([self.category[chosen], self.image[chosen]]), axis=1)
        images = np.bincount(pairs[0], minlength=len(names))
        return [(name, int(objects[k]), int(images[k])) for k, name in enumerate(names)]

    def describe(self, mask: np.ndarray, *, box: bool = True) -> list[str]:
        """The annotations of a mask (A,), one text each."""
        return [self.text_of(k, box=box) for k in mask.nonzero()[0]]

    def text_of(self, k: int, *, box: bool = True) -> str:
        annotation = self.content.annotations[k]
        text = called(annotation)
        if self.image[k] >= 0:
            image = self.content.images[self.image[k]]
            text += f" ({image['file_name']}, {image['width']} x {image['height']})"
        return f"{text}: box {shown(annotation['bbox'], 120)}" if box else text


def called(annotation: dict) -> str:
    return f"annotation {annotation['id']} of image id {annotation['image_id']}"


def repeated(items: Iterable[dict], key: str) -> Iterator[dict]:
    """The items that have the same as an earlier one under `key`."""
    seen = set()
    for item in items:
        if item[key] in seen:
            yield item
        seen.add(item[key])


def repeated_names(content: CocoContent) -> Iterator[str]:
    for kind, items in (("image", content.images), ("category", content.categories)):
        for item in repeated(items, "id"):
            yield f"two have {kind} id {item['id']}; give each its own"
    for category in repeated(content.categories, "name"):
        yield f'two categories are called "{category["name"]}"; give each its own name'


def unknown_categories(content: CocoContent) -> Iterator[str]:
    known = set(content.category_ids)
    for annotation in content.annotations:
        if annotation["category_id"] not in known:
            yield (
                f"{called(annotation)} has category id {annotation['category_id']}, which is none "
                f"of the {len(known)} categories of the file; add the category or correct the id"
            )


def repeated_ids(content: CocoContent) -> Iterator[str]:
    for annotation in repeated(content.annotations, "id"):
        yield f"{called(annotation)} has an id that another annotation has too; give each its own"


def ignored(content: CocoContent) -> Iterator[str]:
    for annotation in content.annotations:
        if annotation.get("ignore", 0):
            yield (
                f'{called(annotation)} says "ignore", unknown to Detectron2; use "iscrowd" or '
                "remove it"
            )


def faulty_codes(content: CocoContent) -> Iterator[str]:
    """Run-length codes that are not of the size of their image."""
    for annotation in content.annotations:
        code, size = annotation.get("segmentation"), annotation["image_id"]
        if not isinstance(code, dict) or size not in content.size_of_image:
            continue
        height, width = content.size_of_image[size]
        counts = run_lengths(code["counts"])
        if code["size"] != [height, width] or counts is None or counts.sum() != height * width:
            yield (
                f"{called(annotation)} has a run-length code that is not of the {width} x {height} "
                "pixels of its image; write it again"
            )


def normalized_boxes(content: CocoContent) -> Iterator[str]:
    """Boxes as fractions of the image, if all are."""
    within = all(is_coco_box(x["bbox"]) and max(x["bbox"]) <= 1 for x in content.annotations)
    if content.annotations and within and max(map(max, content.size_of_image.values())) > 2:
        yield (
            "no box reaches beyond the first pixel of its image, as "
            f"{called(content.annotations[0])} with {shown(content.annotations[0]['bbox'])}; "
            "multiply fractions of the image by its width and height"
        )


# What stops every training: the kind, and a sentence about each instance.
STOPS: tuple[tuple[str, Callable[[CocoContent], Iterator[str]]], ...] = (
    ("faulty ids or names", repeated_names),
    ("annotations of an unknown category", unknown_categories),
    ("annotations with the id of another", repeated_ids),
    ('annotations that say "ignore"', ignored),
    ("faulty run-length codes", faulty_codes),
    ("boxes that are fractions of their image", normalized_boxes),
)


def first_fault(content: CocoContent) -> str | None:
    """What is to be mended first; None if nothing is."""
    return next((fault for _, faults in STOPS for fault in faults(content)), None)


def annotation_findings(table: AnnotationTable, *, masks: bool = False) -> Iterator[Finding]:
    """What can be seen in the file alone. `masks`: the model to train has masks."""
    content = table.content
    images, annotations = content.images, content.annotations
    for what, faults in STOPS:
        yield Finding(what, list(faults(content)), stops=True)
    has_area = table.has_area()
    yield Finding(
        "boxes that are no box, or without area inside their image",
        table.describe(~has_area & table.is_loaded()),
        stops=True,
        advice='repair them, or skip them with dataloader.train.dataset.empty_boxes="skip"',
    )
    if masks:
        no_mask = np.array([not x.get("segmentation") for x in annotations], dtype=bool)
        yield Finding(
            "objects without a mask", table.describe(no_mask & ~table.is_crowd), stops=True
        )
    yield Finding(
        "annotations whose mask has no polygon of three points",
        [called(x) for x in annotations if not has_polygon(x)],
        advice="left out, box and all; remove their segmentation to keep the box",
    )
    yield Finding(
        "annotations of an image that the file does not list",
        table.describe(table.image < 0, box=False),
        advice="left out",
    )
    yield Finding(
        "boxes that reach out of their image",
        table.describe(has_area & (reach_out(table) > 1)),
        advice="clipped by the training; more than a pixel may mean wrong coordinates",
    )
    yield Finding(
        "annotations that repeat another",
        table.describe(repeats(table)),
        advice="same image, class and box",
    )
    yield Finding(
        "image files listed more than once",
        sorted(name for name, n in Counter(x["file_name"] for x in images).items() if n > 1),
    )
    with_objects = np.bincount(table.image[table.is_object()], minlength=len(images)) > 0
    yield Finding(
        "images without an object",
        [
            f"image id {images[k]['id']} ({images[k]['file_name']})"
            for k in (~with_objects).nonzero()[0]
        ],
        advice="evaluated, but not trained on unless dataloader.train.dataset.filter_empty=False",
    )
    yield Finding(
        "classes without an object", [name for name, n, _ in table.class_counts() if n == 0]
    )
    yield Finding(
        "classes whose names differ in case, spaces or punctuation only",
        [" and ".join(f'"{name}"' for name in names) for names in alike(content.categories)],
        advice="one class written in two ways is two classes",
    )


def alike(categories: list[dict]) -> list[list[str]]:
    """Names of categories with the same letters and digits."""
    groups = defaultdict(list)
    for category in categories:
        name = str(category["name"])
        groups["".join(filter(str.isalnum, name.casefold())) or name].append(name)
    return [names for names in groups.values() if len(names) > 1]


def reach_out(table: AnnotationTable) -> np.ndarray:
    """How many pixels each box reaches out of its image, (A,); NaN where there is no box."""
    return np.abs(table.boxes - table.clipped_boxes()).max(axis=1, initial=0)


def repeats(table: AnnotationTable) -> np.ndarray:
    """Mask (A,) of the annotations of the image, class and box of an earlier one."""
    rows = np.column_stack([table.image, table.category, table.is_crowd, table.boxes])
    _, first = np.unique(rows, axis=0, return_index=True)
    result = np.ones(len(rows), dtype=bool)
    result[first] = False
    return result & table.has_area() & (table.image >= 0)
