"""The losses of FCOS (ICCV 2019) and ATSS (CVPR 2020)."""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from ..assignment.batch import Assignment, Batch
from ..assignment.segments import take_rows
from .focal import focal_loss
from .workers import batch_divisors


@dataclass(frozen=True)
class CenternessLoss:
    """A focal loss of the classes, GIoU of the boxes, and a branch that learns centerness. Its
    logits are the objectness logits of the predictions, the centerness is the pairs' target.

    Attributes:
        focal_alpha: weight of positives in the focal loss; negatives have 1 - focal_alpha.
        focal_gamma: exponent in the focal loss.
        box_loss_weight: factor on `loss_bbox`: 1 for FCOS, 2 for ATSS.
        eps: floor of the sum of box weights.
    """

    focal_alpha: float = 0.25
    focal_gamma: float = 2.0
    box_loss_weight: float = 1.0
    eps: float = 1e-6

    def __call__(self, assignment: Assignment, batch: Batch) -> dict[str, Tensor]:
        """`loss_cls`, `loss_bbox` and `loss_centerness`, scalars."""
        _, giou = batch.iou_giou_at(assignment.point, assignment.gt)
        centerness_logits = take_rows(
            batch.predictions.objectness_logits.reshape(-1), assignment.point
        )
        loss_centerness = F.binary_cross_entropy_with_logits(
            centerness_logits, assignment.target, weight=assignment.positive, reduction="sum"
        )

        num_positives, box_weight = batch_divisors(
            (assignment.positive.sum(), assignment.box.sum()), at_least=(1, self.eps)
        )
        loss_cls = focal_loss(assignment, batch, self.focal_alpha, self.focal_gamma)
        loss_bbox = (assignment.box * (1 - giou)).sum() / box_weight
        return {
            "loss_cls": loss_cls / num_positives,
            "loss_bbox": self.box_loss_weight * loss_bbox,
            "loss_centerness": loss_centerness / num_positives,
        }
