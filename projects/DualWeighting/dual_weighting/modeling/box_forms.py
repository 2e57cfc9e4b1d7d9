"""From the four numbers a head predicts at a point to the distances to the sides of a box."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch.nn.functional as F
from detectron2.modeling.box_regression import Box2BoxTransform
from torch import Tensor

from ..assignment.points import to_device


def distances_in_strides(raw: Tensor, stride: int) -> Tensor:
    """Anchor-free: the numbers are distances in strides, those below 0 are 0.

    Args:
        raw: (N, 4, H, W) of one level, float32.
        stride: pixels.

    Returns:
        Distances to left, top, right, bottom side, (N, 4, H, W), pixels.
    """
    return F.relu(raw) * stride


@dataclass(frozen=True)
class AnchorDeltas:
    """Anchor-based: the numbers are (dx, dy, dw, dh) to a square anchor around the point, see
    Detectron2's Box2BoxTransform. Called like `distances_in_strides`.

    A box that does not reach its point has a distance below 0.

    Attributes:
        scale: side of the anchor, in strides.
        weights: scale of dx, dy, dw and dh; with (10, 10, 5, 5) a dx of 1 is a tenth of the anchor.
    """

    scale: float = 8.0
    weights: Sequence[float] = (10.0, 10.0, 5.0, 5.0)

    def __call__(self, raw: Tensor, stride: int) -> Tensor:
        num_images, _, height, width = raw.shape
        deltas = raw.permute(0, 2, 3, 1).reshape(-1, 4)
        half = self.scale * stride / 2
        anchor = to_device(
            (-half, -half, half, half), deltas.dtype, deltas.device
        )  # from the point
        anchors = anchor.expand_as(deltas)
        boxes = Box2BoxTransform(weights=tuple(self.weights)).apply_deltas(deltas, anchors)
        distances = boxes * to_device((-1, -1, 1, 1), boxes.dtype, boxes.device)
        return distances.view(num_images, height, width, 4).permute(0, 3, 1, 2)
