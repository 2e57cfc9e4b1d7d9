"""Numbers of COCO's evaluation that its summary leaves out."""

import contextlib
import io
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain

import numpy as np
from pycocotools.cocoeval import COCOeval

from dual_weighting.evaluation.engines import (
    MAX_DETS,
    Annotations,
    Statistics,
    statistics_of,
)
from dual_weighting.utils.errors import UserError


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


def evaluate_boxes(
    ground_truth: Annotations, results: list[dict] | str, *, max_dets: int = MAX_DETS
) -> Statistics | None:
    """COCO's box evaluation of `results`, in COCO's result format, or of a file of some; None if
    there are none. `max_dets`: the best so many detections of an image count."""
    if not results:
        return None
    with contextlib.redirect_stdout(io.StringIO()):
        run = statistics_of(ground_truth, max_dets)
        evaluation = run(ground_truth, ground_truth.loadRes(results), "bbox")
        evaluation.params.maxDets = [1, 10, max_dets]
        evaluation.evaluate()
        evaluation.accumulate()
        summarize(evaluation)
    return evaluation


def summarize(evaluation: Statistics) -> None:
    with warnings.catch_warnings():
        # hotcoco warns of a limit other than COCO's, and then does what is wanted.
        warnings.filterwarnings("ignore", "hotcoco: max_dets differ")
        evaluation.summarize()


def average_precision(evaluation: Statistics | None) -> float:
    """AP in percent; NaN where there is nothing to detect, or nothing was, as in Detectron2."""
    if evaluation is None or evaluation.stats[0] < 0:
        return float("nan")
    return float(100 * evaluation.stats[0])


def best_operating_point(evaluation: Statistics | None) -> OperatingPoint:
    """The operating point of an evaluation; crowd and ignored ground truths do not count."""
    if evaluation is None:
        return operating_point(np.zeros(0), np.zeros(0, bool), 0)
    return operating_point(*matches_of(evaluation))


def operating_point(scores: np.ndarray, right: np.ndarray, num_gt: int) -> OperatingPoint:
    """The operating point of N detections of `num_gt` objects.

    `scores`: (N,). `right`: (N,) bool, which detections find an object.
    """
    if not right.any():
        return OperatingPoint(float("nan"), 0.0, 0.0, 0.0)
    curve = threshold_curve(scores, right, num_gt)
    best = int(curve.f1.argmax())
    return OperatingPoint(
        *(float(x[best]) for x in (curve.threshold, curve.f1, curve.precision, curve.recall))
    )


@dataclass(frozen=True)
class ThresholdCurve:
    """What every score threshold gives, S different ones, falling.

    Attributes:
        threshold: (S,).
        f1, precision, recall: (S,), in percent.
    """

    threshold: np.ndarray
    f1: np.ndarray
    precision: np.ndarray
    recall: np.ndarray


def threshold_curve(scores: np.ndarray, right: np.ndarray, num_gt: int) -> ThresholdCurve:
    """The curve of N detections of `num_gt` objects; equal scores stand or fall together.

    `scores`: (N,). `right`: (N,) bool, which detections find an object.
    """
    order = np.argsort(-scores, kind="stable")
    scores, right = scores[order], right[order]
    last_of_score = np.append(scores[1:] != scores[:-1], True)[: len(scores)]
    num_right = right.cumsum()[last_of_score]
    num_shown = np.flatnonzero(last_of_score) + 1
    return ThresholdCurve(
        threshold=scores[last_of_score],
        f1=100 * 2 * num_right / (num_shown + num_gt),
        precision=100 * num_right / num_shown,
        recall=100 * num_right / max(num_gt, 1),
    )


def matches_of(evaluation: Statistics) -> tuple[np.ndarray, np.ndarray, int]:
    """Scores of all detections, whether each is right at IoU 0.5, and the number of objects."""
    images, iou = matches_at_half(evaluation)
    # pycocotools has only the id of the object, hotcoco also whether there is one.
    matched = "dtMatched" if images and "dtMatched" in images[0] else "dtMatches"
    scores = np.array(list(chain.from_iterable(e["dtScores"] for e in images)), float)
    right = np.array(list(chain.from_iterable(e[matched][iou] for e in images))) > 0
    ignored = np.array(list(chain.from_iterable(e["dtIgnore"][iou] for e in images)), bool)
    num_gt = sum(not ignore for e in images for ignore in e["gtIgnore"])
    return scores[~ignored], right[~ignored], num_gt


def matches_at_half(evaluation: Statistics) -> tuple[list[dict], int]:
    """The matches of each image and class for objects of any size, and which of their rows is of
    IoU 0.5."""
    if isinstance(evaluation, COCOeval):
        iou = int(np.argmin(np.abs(evaluation.params.iouThrs - 0.5)))
        size = evaluation.params.areaRng[0]
        return [e for e in evaluation.evalImgs if e is not None and e["aRng"] == size], iou
    # hotcoco hands out the matches of a whole evaluation slowly, and they take much memory.
    params = evaluation.params
    again = type(evaluation)(evaluation.cocoGt, evaluation.cocoDt, params.iouType)
    again.params.imgIds, again.params.maxDets = params.imgIds, params.maxDets[-1:]
    again.params.areaRng, again.params.areaRngLbl = params.areaRng[:1], params.areaRngLbl[:1]
    again.params.iouThrs = [0.5]
    again.evaluate()
    return [e for e in again.evalImgs if e is not None], 0
