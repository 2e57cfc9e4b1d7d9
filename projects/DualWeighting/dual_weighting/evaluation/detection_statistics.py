"""What matched detections say: thresholds, calibration, images that went wrong.

N detections, I images, K classes.
"""

from dataclasses import dataclass

import numpy as np

from dual_weighting.evaluation.coco_metrics import OperatingPoint, operating_point
from dual_weighting.evaluation.detection_matching import Matches
from dual_weighting.evaluation.engines import Statistics


@dataclass(frozen=True)
class ImageErrors:
    """Counts of each image at a score threshold, each (I,)."""

    right: np.ndarray
    wrong: np.ndarray
    missed: np.ndarray

    def f1(self) -> np.ndarray:
        """(I,), 2 right / (2 right + wrong + missed); 1 where there is nothing and nothing shown"""
        total = 2 * self.right + self.wrong + self.missed
        return np.divide(2 * self.right, total, out=np.ones(len(total)), where=total > 0)

    def worst(self, count: int) -> np.ndarray:
        """The images with the most errors, of those the lowest F1 first, at most `count`; none
        without an error."""
        errors = self.wrong + self.missed
        order = np.lexsort((self.f1(), -errors))[:count]
        return order[errors[order] > 0]


@dataclass(frozen=True)
class Reliability:
    """Detections by their score, in bins of equal width over [0, 1], B of them.

    Attributes:
        count: (B,).
        score: (B,), mean score of each bin; NaN where it is empty.
        precision: (B,), share of right detections; NaN where it is empty.
    """

    count: np.ndarray
    score: np.ndarray
    precision: np.ndarray

    def expected_error(self) -> float:
        """Expected calibration error (Naeini et al., AAAI 2015): the distance between score and
        precision of the bins, weighted by their counts; NaN without detections."""
        filled = self.count > 0
        if not filled.any():
            return float("nan")
        distance = np.abs(self.score - self.precision)[filled]
        return float(np.average(distance, weights=self.count[filled]))


def reliability(scores: np.ndarray, right: np.ndarray, num_bins: int = 10) -> Reliability:
    """`scores`: (N,) in [0, 1]; 1 is in the last bin. `right`: (N,) bool."""
    bins = np.minimum((scores * num_bins).astype(int), num_bins - 1)
    count = np.bincount(bins, minlength=num_bins)
    with np.errstate(invalid="ignore"):
        return Reliability(
            count,
            np.bincount(bins, weights=scores, minlength=num_bins) / count,
            np.bincount(bins, weights=right, minlength=num_bins) / count,
        )


def best_points(matches: Matches) -> tuple[OperatingPoint, list[OperatingPoint]]:
    """The operating point of all classes together, and that of each class, K of them."""
    data, counted = matches.data, ~matches.ignored
    overall = operating_point(
        data.scores[counted], matches.right[counted], int((~data.crowd).sum())
    )
    num_objects = objects_per_class(matches)
    order = np.argsort(data.detections.classes, kind="stable")
    ends = np.searchsorted(data.detections.classes[order], np.arange(len(num_objects) + 1))
    each = []
    for k, number in enumerate(num_objects.tolist()):
        here = order[ends[k] : ends[k + 1]]
        here = here[counted[here]]
        each.append(operating_point(data.scores[here], matches.right[here], number))
    return overall, each


def objects_per_class(matches: Matches) -> np.ndarray:
    """(K,), without crowds."""
    data = matches.data
    return np.bincount(data.objects.classes[~data.crowd], minlength=len(data.class_names))


def image_errors(matches: Matches, threshold: float) -> ImageErrors:
    """Of detections of at least the score `threshold`."""
    data, shown = matches.data, matches.at(threshold)

    def per_image(image: np.ndarray) -> np.ndarray:
        return np.bincount(image, minlength=len(data.file_names))

    return ImageErrors(
        right=per_image(data.detections.image[shown & matches.right]),
        wrong=per_image(data.detections.image[shown & ~matches.right]),
        missed=per_image(data.objects.image[matches.missed(threshold)]),
    )


def precision_table(evaluation: Statistics) -> np.ndarray:
    """(T, R, K), precision at each IoU threshold and recall of COCO's evaluation, for each
    category by its id, with objects of all sizes; NaN for a class without objects."""
    precision = np.asarray(evaluation.eval["precision"], float)
    shape = [len(evaluation.params.iouThrs), len(evaluation.params.recThrs)]
    precision = precision.reshape(*shape, -1, *precision.shape[-2:])[..., 0, -1]
    return np.where(precision < 0, np.nan, precision)
