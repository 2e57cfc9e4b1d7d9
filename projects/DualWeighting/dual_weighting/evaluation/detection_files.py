"""The objects of a data set and what was detected of them, as arrays, read from COCO's formats.

M objects, N detections, I images, K classes.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dual_weighting.data.coco import read_coco
from dual_weighting.utils.errors import UserError

FAULTS = (AttributeError, LookupError, OverflowError, TypeError, ValueError)


@dataclass(frozen=True)
class Boxes:
    """Boxes of a data set; those of an image stand together.

    Attributes:
        image: (n,), ascending, in [0, I).
        classes: (n,), in [0, K).
        xywh: (n, 4), left, top, width and height in pixels.
    """

    image: np.ndarray
    classes: np.ndarray
    xywh: np.ndarray

    def __len__(self) -> int:
        return len(self.image)

    def of_image(self, image: int) -> slice:
        """Where the boxes of that image stand."""
        return slice(*np.searchsorted(self.image, (image, image + 1)))


@dataclass(frozen=True)
class DetectionData:
    """A data set with detections.

    Attributes:
        class_names: K.
        file_names: I, inside the folder of the images.
        objects: M.
        crowd: (M,) bool, which objects are crowds, to be ignored.
        detections: N, those of an image by falling score.
        scores: (N,).
    """

    class_names: list[str]
    file_names: list[str]
    objects: Boxes
    crowd: np.ndarray
    detections: Boxes
    scores: np.ndarray


def read_detection_data(
    json_file: str | os.PathLike,
    results_json: str | os.PathLike,
    *,
    category_ids: Mapping[int, int] | None = None,
    class_names: Sequence[str] | None = None,
) -> DetectionData:
    """The annotations in `json_file` and the detections in `results_json`.

    Args:
        category_ids: the class of each category, Detectron2's
            `thing_dataset_id_to_contiguous_id`; by default categories are sorted by their ids.
        class_names: by default those of the file.

    Raises:
        UserError: a file cannot be read, or the detections are not of this data set.
    """
    content, results = read_coco(json_file), read_json(results_json)
    if not category_ids:
        category_ids = {category: k for k, category in enumerate(content.category_ids)}
        class_names = content.class_names
    if not class_names:
        names = dict(zip(content.category_ids, content.class_names, strict=True))
        class_names = [str(names.get(x, x)) for x in sorted(category_ids, key=category_ids.get)]
    images = {image["id"]: k for k, image in enumerate(content.images)}
    annotations = [
        x
        for x in content.ground_truth()["annotations"]
        if x["image_id"] in images and x["category_id"] in category_ids
    ]
    crowd = np.array([x["iscrowd"] for x in annotations], bool)
    objects, order = boxes_of(annotations, images, category_ids)
    crowd = crowd[order]
    try:
        scores = np.array([r["score"] for r in results], float).reshape(len(results))
        detections, order = boxes_of(results, images, category_ids, scores)
        if not ((scores >= 0) & (scores <= 1)).all() or not np.isfinite(detections.xywh).all():
            raise ValueError("a score is not in [0, 1], or a side of a box is no number")
    except FAULTS as error:
        raise UserError(
            f"{results_json} does not hold detections of the images and categories of {json_file} "
            f"({said(error)}): evaluate the run on that data set."
        ) from error
    return DetectionData(
        class_names=list(class_names),
        file_names=[image["file_name"] for image in content.images],
        objects=objects,
        crowd=crowd,
        detections=detections,
        scores=scores[order],
    )


def boxes_of(
    rows: list[dict],
    images: Mapping[int, int],
    classes: Mapping[int, int],
    scores: np.ndarray | None = None,
) -> tuple[Boxes, np.ndarray]:
    """The boxes of annotations or results, by image and falling score, and that order, (n,).

    `images`, `classes`: the number of each image id and category id.
    """
    image = np.array([images[row["image_id"]] for row in rows], int)
    category = np.array([classes[row["category_id"]] for row in rows], int)
    xywh = np.array([row["bbox"] for row in rows], float).reshape(len(rows), 4)
    falling = np.zeros(len(rows)) if scores is None else -scores
    order = np.lexsort((falling, image))
    return Boxes(image[order], category[order], xywh[order]), order


def read_json(file: str | os.PathLike, **options: Any) -> Any:
    """The content of a file, `options` as of `json.load`; `UserError` where it is damaged."""
    try:
        with open(file, encoding="utf-8") as stream:
            return json.load(stream, **options)
    except OSError as error:
        raise UserError(f"{file} cannot be read ({error.strerror}).") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{file} is not complete JSON ({error}).") from error


def said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
