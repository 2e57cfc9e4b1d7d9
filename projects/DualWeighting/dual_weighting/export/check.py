"""Whether an exported detector answers as the detector itself."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from detectron2.structures import Instances
from torch import Tensor
from torchvision.ops import box_iou

BOX_TOLERANCE = 0.1  # pixels
SCORE_TOLERANCE = 1e-3
MASK_TOLERANCE = 1e-3  # share of an image's pixels
COUNTERPART_IOU = 0.5  # of two boxes that can be of one detection


@dataclass(frozen=True)
class Difference:
    """How far the detections of one or several images are from what they should be.

    Attributes:
        detections: how many there should be.
        box: largest difference of a side, pixels.
        score: largest difference of a score.
        mask: largest share of an image's pixels that differ in a mask.
        unmatched: detections of either side without a counterpart on the other.
    """

    detections: int = 0
    box: float = 0.0
    score: float = 0.0
    mask: float = 0.0
    unmatched: int = 0

    @property
    def is_large(self) -> bool:
        return (
            self.unmatched > 0
            or self.box > BOX_TOLERANCE
            or self.score > SCORE_TOLERANCE
            or self.mask > MASK_TOLERANCE
        )

    def __add__(self, other: "Difference") -> "Difference":
        """That of the images of both."""
        return Difference(
            self.detections + other.detections,
            max(self.box, other.box),
            max(self.score, other.score),
            max(self.mask, other.mask),
            self.unmatched + other.unmatched,
        )

    def __str__(self) -> str:
        masks = f", masks {100 * self.mask:.3f} % of the pixels" if self.mask else ""
        return (
            f"boxes {self.box:.1e} pixels, scores {self.score:.1e}{masks}, "
            f"{self.unmatched} of {self.detections} detections without a counterpart"
        )


def compare(
    expected: Instances, found: Mapping[str, Tensor], *, score_thresh: float, limit: int
) -> Difference:
    """The difference on one image.

    A detection's counterpart is the nearest of its class on the other side, whatever its place:
    those of nearly equal scores may change places. For the same reason a missing counterpart does
    not count at the lower end of the scores, next to `score_thresh` or to the last of `limit`.
    """
    boxes, scores = expected.pred_boxes.tensor, expected.scores
    box = (boxes[:, None] - found["boxes"][None]).abs().amax(dim=2)  # (D, D')
    score = (scores[:, None] - found["scores"][None]).abs()
    cost = torch.maximum(box / BOX_TOLERANCE, score / SCORE_TOLERANCE)
    possible = expected.pred_classes[:, None] == found["classes"][None]
    possible &= box_iou(boxes, found["boxes"]) > COUNTERPART_IOU
    cost[~possible] = torch.inf

    end = max(score_thresh, float(scores.min()) if len(expected) == limit else 0.0)
    counts = scores > end + SCORE_TOLERANCE, found["scores"] > end + SCORE_TOLERANCE
    unmatched = sum(
        int((matters & ~possible.any(dim=dim)).sum())
        for matters, dim in zip(counts, (1, 0), strict=True)
    )
    i = possible.any(dim=1).nonzero()[:, 0]
    if len(i) == 0:
        return Difference(len(expected), unmatched=unmatched)
    j = cost[i].argmin(dim=1)
    wrong = torch.zeros(1)
    if "masks" in found:
        wrong = (expected.pred_masks[i] != found["masks"][j]).float().mean(dim=(1, 2))
    return Difference(
        len(expected),
        float(box[i, j].max()),
        float(score[i, j].max()),
        float(wrong.max()),
        unmatched,
    )
