"""Errors of detections at IoU 0.5, and the best score threshold."""

from dataclasses import dataclass
from functools import cached_property

import hotcoco
import numpy as np

from dual_weighting.evaluation.ground_truth import MAX_DETS, Detections, GroundTruth

IOU = 0.5


@dataclass(frozen=True)
class ThresholdCurve:
    """Results for S score thresholds in descending order.

    Attributes:
        threshold: (S,).
        f1, precision, recall: (S,), in percent.
    """

    threshold: np.ndarray
    f1: np.ndarray
    precision: np.ndarray
    recall: np.ndarray


@dataclass(frozen=True)
class OperatingPoint:
    """The score threshold with the best F1 over all classes.

    Attributes:
        threshold: smallest score to keep; NaN if no detection is right.
        f1, precision, recall: at that threshold, in percent.
    """

    threshold: float
    f1: float
    precision: float
    recall: float


@dataclass(frozen=True)
class ImageErrors:
    """Counts per image at a score threshold, (I,) each."""

    right: np.ndarray
    wrong: np.ndarray
    missed: np.ndarray

    def worst(self, count: int) -> np.ndarray:
        """At most `count` images with the most errors, lowest F1 first."""
        errors = self.wrong + self.missed
        f1 = 2 * self.right / np.maximum(2 * self.right + errors, 1)
        order = np.lexsort((f1, -errors))[:count]
        return order[errors[order] > 0]


class Diagnosis:
    """Matches of detections and objects, from hotcoco.

    Detections matched to crowds are neither right nor wrong and are excluded, as are crowds.

    Attributes:
        evaluation: of all detections; None if there are none.
        counted: N detections.
        right: (N,) bool.
        objects: (M,), indices into `truth`.
        found_at: (M,), score of the detection that finds each object; -inf for none.
    """

    def __init__(
        self,
        truth: GroundTruth,
        detections: Detections,
        evaluation: hotcoco.COCOeval | None = None,
        *,
        max_dets: int = MAX_DETS,
    ) -> None:
        """`evaluation`: of these boxes by hotcoco, if already done."""
        if evaluation is None:
            evaluation = truth.judge(detections, max_dets=max_dets)
        self.truth, self.evaluation = truth, evaluation
        self.objects = np.flatnonzero(~truth.crowd)
        found_at = np.full(len(truth.crowd), -np.inf)
        rows, self.right = np.zeros(0, int), np.zeros(0, bool)
        if evaluation is not None:
            account = evaluation.image_diagnostics(iou_thr=IOU)
            status = account["dt_status"]
            rows = np.fromiter(status, int, len(status)) - 1
            self.right = np.fromiter((x == "tp" for x in status.values()), bool, len(status))
            match = account["dt_match"]
            finder, found = (np.fromiter(x, int, len(match)) for x in (match, match.values()))
            found_at[found - 1] = detections.scores[finder - 1]
        order = np.argsort(rows)
        self.counted, self.right = detections[rows[order]], self.right[order]
        self.found_at = found_at[self.objects]

    @cached_property
    def overall(self) -> OperatingPoint:
        return operating_point(self.curve)

    @cached_property
    def curve(self) -> ThresholdCurve:
        return threshold_curve(self.counted.scores, self.right, len(self.objects))

    @cached_property
    def of_class(self) -> list[OperatingPoint]:
        """K."""
        amounts = self.objects_per_class
        return [
            operating_point(
                threshold_curve(self.counted.scores[mine], self.right[mine], int(amounts[k]))
            )
            for k, mine in enumerate(self._rows_of_class())
        ]

    def _rows_of_class(self) -> list[np.ndarray]:
        order = np.argsort(self.counted.classes, kind="stable")
        ends = np.searchsorted(
            self.counted.classes[order], np.arange(1, len(self.truth.class_names))
        )
        return np.split(order, ends)

    @property
    def threshold(self) -> float:
        """The best score threshold; 0 if no detection is right."""
        return float(np.nan_to_num(self.overall.threshold))

    @property
    def objects_per_class(self) -> np.ndarray:
        """(K,)."""
        classes = self.truth.classes[self.objects]
        return np.bincount(classes, minlength=len(self.truth.class_names))

    @property
    def shown(self) -> np.ndarray:
        """(N,) bool, the detections of at least the best threshold."""
        return self.counted.scores >= self.threshold

    @property
    def missed(self) -> np.ndarray:
        """(M,) bool, objects that no detection of at least the best threshold finds."""
        return self.found_at < self.threshold

    @cached_property
    def precision(self) -> np.ndarray:
        """(T, R, K), precision at each IoU threshold and recall for objects of all sizes; NaN for a
        class without objects."""
        if self.evaluation is None:
            return np.full((10, 101, len(self.truth.class_names)), np.nan)
        precision = self.evaluation.eval["precision"][..., 0, -1]
        return np.where(precision < 0, np.nan, precision)

    @cached_property
    def ap_per_class(self) -> np.ndarray:
        """(K,), in percent; NaN for a class without objects."""
        return 100 * self.precision.mean(axis=(0, 1))

    @cached_property
    def confusion(self) -> np.ndarray:
        """(K + 1, K + 1), at the best threshold: rows what is there, columns what was detected; the
        last column counts objects that were missed, the last row detections of background."""
        count = len(self.truth.class_names)
        if not self.shown.any():
            matrix = np.zeros((count + 1, count + 1), int)
            matrix[:-1, -1] = self.objects_per_class
            return matrix
        annotations = self.truth.annotations()
        shown = annotations.loadRes(self.truth.rows(self.counted[self.shown]))
        evaluation = hotcoco.COCOeval(annotations, shown, "bbox")
        return evaluation.confusion_matrix(IOU, max_det=len(self.counted))["matrix"].astype(int)

    @cached_property
    def calibration(self) -> dict:
        """hotcoco's: `ece` and `bins`, see `hotcoco.COCOeval.calibration`."""
        if self.evaluation is None:
            return {"ece": float("nan"), "bins": []}
        return self.evaluation.calibration(iou_threshold=IOU)

    @cached_property
    def tide(self) -> dict:
        """hotcoco's: `delta_ap` and `counts`, see `hotcoco.COCOeval.tide_errors`."""
        if self.evaluation is None:
            return {"delta_ap": {}, "counts": {}}
        return self.evaluation.tide_errors(pos_thr=IOU)

    @cached_property
    def image_errors(self) -> ImageErrors:
        """At the best threshold."""
        images = self.counted.image
        found = (images[self.shown & self.right], images[self.shown & ~self.right])
        missed = self.truth.image[self.objects[self.missed]]
        size = len(self.truth.file_names)
        return ImageErrors(*(np.bincount(x, minlength=size) for x in (*found, missed)))


def threshold_curve(scores: np.ndarray, right: np.ndarray, num_objects: int) -> ThresholdCurve:
    """The curve of N detections; equal scores are kept or dropped together.

    `scores`: (N,). `right`: (N,) bool, which detections find an object.
    """
    order = np.argsort(-scores, kind="stable")
    scores, right = scores[order], right[order]
    last_of_score = np.append(scores[1:] != scores[:-1], True)[: len(scores)]
    num_right = right.cumsum()[last_of_score]
    num_shown = np.flatnonzero(last_of_score) + 1
    return ThresholdCurve(
        threshold=scores[last_of_score],
        f1=100 * 2 * num_right / (num_shown + num_objects),
        precision=100 * num_right / num_shown,
        recall=100 * num_right / max(num_objects, 1),
    )


def operating_point(curve: ThresholdCurve) -> OperatingPoint:
    """The operating point with the best F1."""
    if not (curve.f1 > 0).any():
        return OperatingPoint(float("nan"), 0.0, 0.0, 0.0)
    best = int(curve.f1.argmax())
    columns = (curve.threshold, curve.f1, curve.precision, curve.recall)
    return OperatingPoint(*(float(column[best]) for column in columns))
