"""The annotations of a file as arrays, and which boxes have an area inside their image. Shape
letters: A annotations, I images."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from dual_weighting.data.checks.value_types import LARGEST_SIDE, is_coco_box, shown
from dual_weighting.data.coco_content import CocoContent, has_polygon


@dataclass(frozen=True)
class AnnotationTable:
    """The annotations and images of a file.

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
        return np.vstack([self.sizes, [np.inf, np.inf]])[self.image]

    def clipped_boxes(self) -> np.ndarray:
        """The parts of the boxes inside their images, (A, 4)."""
        return self.boxes.clip(0, np.tile(self.size_of_image(), 2))

    def has_area(self) -> np.ndarray:
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

    def describe(self, mask: np.ndarray) -> list[str]:
        """The annotations of a mask (A,), one text each."""
        return [self.text_of(k) for k in mask.nonzero()[0]]

    def text_of(self, k: int) -> str:
        annotation = self.content.annotations[k]
        image = self.content.images[self.image[k]]
        size = f"{image['width']} x {image['height']}"
        return (
            f"{called(annotation)} ({image['file_name']}, {size}): box {shown(annotation['bbox'])}"
        )


def box_array(boxes: Sequence[Any]) -> np.ndarray:
    """(A, 4) of what is a list of four numbers of pixels; NaN where it is not."""
    rows = set(map(type, boxes)) <= {list} and set(map(len, boxes)) <= {4}
    if rows and set(map(type, chain.from_iterable(boxes))) <= {int, float}:
        array = np.array(boxes, dtype=np.float64).reshape(-1, 4)
        array[~(np.abs(array) < LARGEST_SIDE).all(axis=1)] = np.nan
        return array
    lists = [np.asarray(x).tolist() if isinstance(x, tuple | np.ndarray) else x for x in boxes]
    rows = [box if is_coco_box(box) else [np.nan] * 4 for box in lists]
    return np.array(rows, dtype=np.float64).reshape(-1, 4)


def has_area(boxes: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Mask (A,) of the boxes (x1, y1, x2, y2) that have an area inside their image.

    `sizes`: (A, 2), width and height of the images.
    """
    clipped = boxes.clip(0, np.tile(sizes, 2))
    return (clipped[:, 2:] > clipped[:, :2]).all(axis=1)


def called(annotation: dict) -> str:
    return f"annotation {annotation['id']} of image id {annotation['image_id']}"
