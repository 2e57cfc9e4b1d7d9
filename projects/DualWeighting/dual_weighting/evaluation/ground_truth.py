"""COCO evaluation: the annotations, read once, and the evaluation of detections against them."""

import contextlib
import io
import json
import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import hotcoco
import numpy as np
from detectron2.evaluation.coco_evaluation import COCOevalMaxDets
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from dual_weighting.data.coco import read_coco
from dual_weighting.utils.errors import UserError

DEFAULT_ENGINE = "hotcoco"
ENGINES = ("hotcoco", "pycocotools")
MAX_DETS = 100  # detections per image in COCO's metrics

Evaluated = hotcoco.COCOeval | COCOeval


@dataclass(frozen=True)
class Detections:
    """Detections of a data set, N rows.

    Attributes:
        image: (N,), index into `GroundTruth.image_ids`.
        classes: (N,), in [0, K).
        xywh: (N, 4), left, top, width and height in pixels.
        scores: (N,).
        masks: N run-length codes, or None.
    """

    image: np.ndarray
    classes: np.ndarray
    xywh: np.ndarray
    scores: np.ndarray
    masks: Sequence[dict] | None = None

    def __len__(self) -> int:
        return len(self.image)

    def __getitem__(self, rows: np.ndarray) -> "Detections":
        """Selected rows, without masks."""
        columns = (self.image, self.classes, self.xywh, self.scores)
        return Detections(*(column[rows] for column in columns))

    @classmethod
    def concatenate(cls, parts: Sequence["Detections"]) -> "Detections":
        """Concatenate parts; with masks if any part has some."""
        masks = [mask for part in parts for mask in part.masks or ()]
        none = cls(np.zeros(0, int), np.zeros(0, int), np.zeros((0, 4)), np.zeros(0))
        parts = [none, *parts]
        return cls(
            *(
                np.concatenate([getattr(part, key) for part in parts])
                for key in ("image", "classes", "xywh", "scores")
            ),
            masks or None,
        )


class GroundTruth:
    """The annotations of a data set, M objects of K classes.

    Both engines see images, objects and classes numbered from 1: pycocotools never finds id 0.

    Attributes:
        image_ids: I, ascending.
        file_names: I, relative to the folder of the images.
        class_names, category_ids: K.
        annotated: False for test images without annotations.
        image, classes, crowd: (M,), indices of image and class, and whether to ignore the object.
        xywh: (M, 4).
    """

    def __init__(
        self,
        json_file: str | os.PathLike,
        *,
        classes: Mapping[int, int] | None = None,
        class_names: Sequence[str] | None = None,
    ) -> None:
        """
        Args:
            json_file: in COCO's format.
            classes: class of each category id, Detectron2's `thing_dataset_id_to_contiguous_id`;
                by default they ascend with the id.
            class_names: by default those of the file.

        Raises:
            UserError: the file cannot be read, or is faulty.
        """
        content = read_coco(json_file)
        truth = content.ground_truth()
        self.json_file, self.annotated = str(json_file), content.annotated
        classes = classes or {id_: k for k, id_ in enumerate(content.category_ids)}
        self.category_ids = sorted(classes, key=classes.get)
        names = dict(zip(content.category_ids, content.class_names, strict=True))
        self.class_names = list(class_names or (str(names.get(k, k)) for k in self.category_ids))
        images = sorted(
            truth["images"], key=lambda image: (isinstance(image["id"], str), image["id"])
        )
        self.image_ids = [image["id"] for image in images]
        self.file_names = [image["file_name"] for image in images]
        self.index_of = {id_: k for k, id_ in enumerate(self.image_ids)}
        objects = [x for x in truth["annotations"] if x["category_id"] in classes]
        self.image = np.array([self.index_of[x["image_id"]] for x in objects], int)
        self.classes = np.array([classes[x["category_id"]] for x in objects], int)
        self.crowd = np.array([x["iscrowd"] for x in objects], bool)
        self.xywh = np.array([x["bbox"] for x in objects], float).reshape(len(objects), 4)
        self._content = {
            "info": {},
            "images": [image | {"id": k} for k, image in enumerate(images, start=1)],
            "categories": [{"id": k, "name": n} for k, n in enumerate(self.class_names, start=1)],
            "annotations": [
                x | {"id": k, "image_id": int(image) + 1, "category_id": int(class_) + 1}
                for k, (x, image, class_) in enumerate(
                    zip(objects, self.image, self.classes, strict=True), start=1
                )
            ],
        }

    @cache  # noqa: B019  as long as the object
    def annotations(self, engine: str = DEFAULT_ENGINE) -> hotcoco.COCO | COCO:
        """The annotations as an object of the engine."""
        if engine == "hotcoco":
            return hotcoco.COCO(self._content)
        annotations = COCO()
        annotations.dataset = self._content
        with contextlib.redirect_stdout(io.StringIO()):
            annotations.createIndex()
        return annotations

    def judge(
        self,
        detections: Detections,
        *,
        task: str = "bbox",
        engine: str = DEFAULT_ENGINE,
        max_dets: int = MAX_DETS,
        image_ids: Sequence[int] | None = None,
        verbose: bool = False,
    ) -> Evaluated | None:
        """COCO evaluation of `detections`; None if there are none.

        Args:
            task: "bbox" or "segm".
            max_dets: number of detections per image that count.
            image_ids: images to evaluate on, all by default.
            verbose: print COCO's table.
        """
        if not len(detections):
            return None
        evaluate = hotcoco.COCOeval
        if engine != "hotcoco":
            evaluate = COCOeval if max_dets == MAX_DETS else COCOevalMaxDets
        output = sys.stdout if verbose else io.StringIO()
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.filterwarnings("ignore", "hotcoco: max_dets differ")
            found = self._loaded(detections, task, engine)
            evaluation = evaluate(self.annotations(engine), found, task)
            evaluation.params.maxDets = [1, 10, max_dets]
            if image_ids is not None:
                evaluation.params.imgIds = [self.index_of[id_] + 1 for id_ in image_ids]
            evaluation.evaluate()
            evaluation.accumulate()
            with contextlib.redirect_stdout(output):
                evaluation.summarize()
        return evaluation

    def _loaded(self, detections: Detections, task: str, engine: str) -> hotcoco.COCO | COCO:
        truth, rows = self.annotations(engine), self.rows(detections)
        masks = detections.masks if task == "segm" else None
        if engine == "hotcoco":
            found = truth.loadRes(rows, segmentation=masks)
            if masks is not None:  # size ranges refer to masks
                found.update_anns(
                    ids=np.arange(1, len(rows) + 1), area=hotcoco.mask.area(list(masks))
                )
            return found
        if masks is None:
            return truth.loadRes(rows)
        keys = ("image_id", "category_id", "score", "segmentation")
        columns = (*rows[:, [0, 6]].astype(int).T.tolist(), rows[:, 5].tolist(), masks)
        return truth.loadRes(
            [dict(zip(keys, row, strict=True)) for row in zip(*columns, strict=True)]
        )

    def rows(self, detections: Detections) -> np.ndarray:
        """(N, 7), the input of `loadRes`: image, x, y, width, height, score, category."""
        numbers = (detections.image + 1, detections.xywh, detections.scores, detections.classes + 1)
        return np.column_stack(numbers).astype(float)

    def read_results(self, results: list[dict]) -> Detections:
        """Boxes in COCO's result format.

        Raises:
            UserError: they are not detections of these images and categories.
        """
        class_of = {id_: k for k, id_ in enumerate(self.category_ids)}
        try:
            detections = Detections(
                image=np.array([self.index_of[x["image_id"]] for x in results], int),
                classes=np.array([class_of[x["category_id"]] for x in results], int),
                xywh=np.array([x["bbox"] for x in results], float).reshape(len(results), 4),
                scores=np.array([x["score"] for x in results], float).reshape(len(results)),
            )
            in_range = (detections.scores >= 0) & (detections.scores <= 1)
            if not in_range.all() or not np.isfinite(detections.xywh).all():
                raise ValueError("a score outside [0, 1], or a side of a box that is not finite")
        except (AttributeError, LookupError, OverflowError, TypeError, ValueError) as error:
            raise UserError(
                f"these are not detections of the images and categories of {self.json_file} "
                f"({type(error).__name__}: {error}); evaluate the run on that data set"
            ) from error
        return detections

    def write_results(self, detections: Detections, file: str | os.PathLike) -> None:
        """Write detections in COCO's result format, like Detectron2."""
        columns = (detections.image, detections.classes, detections.xywh, detections.scores)
        with open(file, "w", encoding="utf-8") as stream:
            for k, (image, class_, box, score) in enumerate(
                zip(*(column.tolist() for column in columns), strict=True)
            ):
                row = {
                    "image_id": self.image_ids[image],
                    "category_id": self.category_ids[class_],
                    "bbox": box,
                    "score": score,
                }
                if detections.masks is not None:
                    mask = detections.masks[k]
                    row["segmentation"] = mask | {"counts": mask["counts"].decode()}
                stream.write(f"{', ' if k else '['}{json.dumps(row)}")
            stream.write("]" if len(detections) else "[]")


def average_precision(evaluation: Evaluated | None) -> float:
    """AP in percent; NaN without objects or detections, as in Detectron2."""
    if evaluation is None or evaluation.stats[0] < 0:
        return float("nan")
    return float(100 * evaluation.stats[0])
