"""Choosing detections with arrays of constant length.

Shape letters: those of `dual_weighting.assignment`, and

    T: candidates, of all levels together
"""

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import nms

from ..assignment.segments import take_rows

ABSENT = -1.0  # score of a candidate that does not count


class Candidates(NamedTuple):
    """Boxes that may become detections.

    Attributes:
        boxes: (T, 4) x1, y1, x2, y2 in pixels.
        scores: (T,), `ABSENT` for those that do not count.
        classes: (T,) int64.
        point: (T,), the point that predicts it, of those of all levels.
        centers: (T, 2), x and y of that point, pixels.
        strides: (T,), stride of that point's level, pixels.
    """

    boxes: Tensor
    scores: Tensor
    classes: Tensor
    point: Tensor
    centers: Tensor
    strides: Tensor

    def select(self, index: Tensor) -> "Candidates":
        """Those at `index`."""
        return Candidates(*(take_rows(x, index) for x in self))

    def clip(self, height: int, width: int) -> "Candidates":
        """With boxes inside the image."""
        x, y = self.boxes[:, 0::2].clamp(0, width), self.boxes[:, 1::2].clamp(0, height)
        return self._replace(boxes=torch.stack((x, y), dim=2).flatten(1))

    def best(self, limit: int) -> "Candidates":
        """At most `limit` of them, by falling score."""
        scores, index = self.scores.topk(min(limit, len(self.scores)))
        return self.select(index)._replace(scores=scores)

    def present(self) -> "Candidates":
        """Those that count and whose box has an area."""
        sides = self.boxes[:, 2:] - self.boxes[:, :2]
        good = (self.scores > ABSENT) & (sides > 0).all(dim=1)
        return self.select(good.nonzero()[:, 0])


def level_candidates(scores: Tensor, limit: int) -> tuple[Tensor, Tensor, Tensor]:
    """The `limit` best pairs of a point and a class.

    Args:
        scores: (R_l, K) of one level, 0 for pairs that do not count.

    Returns:
        Score, class and point of each, (limit,); `ABSENT`, 0 and 0 where there are no more.
    """
    num_classes = scores.shape[1]
    # So many more that there are `limit` of them on the smallest level too.
    scores, index = F.pad(scores.flatten(), (0, limit), value=ABSENT).topk(limit)
    counts = scores > 0
    index = index.where(counts, 0)
    return scores.where(counts, ABSENT), index % num_classes, index // num_classes


def class_wise_nms(candidates: Candidates, nms_thresh: float) -> Candidates:
    """The same candidates; of two of a class with a larger IoU only the better one counts."""
    boxes, scores = candidates.boxes, candidates.scores
    # Every class in a region of its own, as torchvision's batched_nms does it.
    boxes = boxes + (candidates.classes * (boxes.max() + 1))[:, None]
    # To torch.export NMS keeps two boxes or more, so there are two more, without an area.
    boxes, scores = F.pad(boxes, (0, 0, 0, 2)), F.pad(scores, (0, 2), value=ABSENT / 2)
    present = (scores > ABSENT).nonzero()[:, 0]
    nms_thresh = float32_below(nms_thresh)
    kept = take_rows(
        present, nms(take_rows(boxes, present), take_rows(scores, present), nms_thresh)
    )
    absent = torch.full_like(scores, ABSENT)
    return candidates._replace(scores=absent.scatter(0, kept, take_rows(scores, kept))[:-2])


def float32_below(x: float) -> float:
    """The largest float32 that is not above `x`. IoUs in float32 exceed either or neither; in ONNX
    `x` would be rounded up or down."""
    rounded = np.float32(x)
    above = float(rounded) > x
    return float(np.nextafter(rounded, np.float32(-np.inf)) if above else rounded)
