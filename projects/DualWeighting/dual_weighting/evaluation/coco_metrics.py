"""Numbers of COCO's evaluation that its summary leaves out."""

import contextlib
import io
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dual_weighting.errors import UserError
from dual_weighting.evaluation.engines import Annotations, Statistics, statistics_of


@dataclass(frozen=True)
class OperatingPoint:
    """The score threshold at which detections are best used, by F1 at IoU 0.5 over all classes.

    Attributes:
        threshold: keep detections of at least this score; NaN where nothing is right at any.
        f1, precision, recall: at that threshold, in percent.
    """

    threshold: float
    f1: float
    precision: float
    recall: float


def restore_category_ids(results: list[dict], ids: Mapping[int, int] | None) -> None:
    """Turn the classes of `results` into the category ids of the data set, in place.

    `ids`: Detectron2's `thing_dataset_id_to_contiguous_id`; without any, classes stay. Raises
    `UserError` for a class that the data set does not have.
    """
    if not ids:
        return
    original = {contiguous: category for category, contiguous in ids.items()}
    for result in results:
        if result["category_id"] not in original:
            raise UserError(
                f"The model detects class {result['category_id']}, counted from 0, but the data "
                f"set has {len(original)} classes: set model.num_classes={len(original)}."
            )
        result["category_id"] = original[result["category_id"]]


def evaluate_boxes(ground_truth: Annotations, results: list[dict]) -> Statistics | None:
    """COCO's box evaluation of `results`, in COCO's result format; None if there are none."""
    if not results:
        return None
    with contextlib.redirect_stdout(io.StringIO()):
        run = statistics_of(ground_truth)
        evaluation = run(ground_truth, ground_truth.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


def average_precision(evaluation: Statistics | None) -> float:
    """AP in percent; NaN where there was nothing to detect, or nothing was."""
    if evaluation is None or evaluation.stats[0] < 0:
        return float("nan")
    return float(100 * evaluation.stats[0])


def best_operating_point(evaluation: Statistics | None) -> OperatingPoint:
    """The operating point of an evaluation; crowd and ignored ground truths do not count."""
    scores, right, num_gt = (
        matches_of(evaluation) if evaluation else (np.zeros(0), np.zeros(0, bool), 0)
    )
    if not right.any():
        return OperatingPoint(float("nan"), 0.0, 0.0, 0.0)
    order = np.argsort(-scores, kind="stable")
    scores, right = scores[order], right[order]
    last_of_score = np.append(scores[1:] != scores[:-1], True)
    num_right = right.cumsum()[last_of_score]
    num_shown = np.flatnonzero(last_of_score) + 1
    f1 = 2 * num_right / (num_shown + num_gt)
    best = int(f1.argmax())
    return OperatingPoint(
        threshold=float(scores[last_of_score][best]),
        f1=float(100 * f1[best]),
        precision=float(100 * num_right[best] / num_shown[best]),
        recall=float(100 * num_right[best] / num_gt),
    )


def matches_of(evaluation: Statistics) -> tuple[np.ndarray, np.ndarray, int]:
    """Scores of all detections, whether each is right at IoU 0.5, and the number of objects."""
    iou = int(np.argmin(np.abs(np.asarray(evaluation.params.iouThrs) - 0.5)))
    every_size = list(evaluation.params.areaRng[0])
    images = [e for e in evaluation.evalImgs if e is not None and list(e["aRng"]) == every_size]
    counted = [~np.asarray(e["dtIgnore"][iou], bool) for e in images]
    scores = [np.asarray(e["dtScores"])[keep] for e, keep in zip(images, counted, strict=True)]
    # pycocotools has only the id of the object, hotcoco also whether there is one.
    right = [
        np.asarray(e.get("dtMatched", e["dtMatches"])[iou])[keep] > 0
        for e, keep in zip(images, counted, strict=True)
    ]
    num_gt = sum(int((np.asarray(e["gtIgnore"]) == 0).sum()) for e in images)
    return np.concatenate(scores), np.concatenate(right), num_gt
