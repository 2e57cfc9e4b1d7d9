"""The losses of DLA (ICSCA 2022)."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..assignment.batch import Assignment, Batch
from .focal import focal_loss
from .workers import batch_divisors


@dataclass(frozen=True)
class DynamicLabelAssignmentLoss:
    """DLA's losses: classes, boxes, and a branch that learns the metric of the assignment. Its
    logits are the objectness logits of the predictions.

    Attributes:
        focal_alpha: weight of positives in the focal loss; negatives have 1 - focal_alpha.
        focal_gamma: exponent in the focal loss and in that of the metric.
        box_loss_weight: factor on `loss_bbox`, the paper's b.
        metric_loss_weight: factor on `loss_metric`, the paper's c.
        eps: floor of the sum of box weights.
    """

    focal_alpha: float = 0.25
    focal_gamma: float = 2.0
    box_loss_weight: float = 2.0
    metric_loss_weight: float = 1.0
    eps: float = 1e-6

    def __call__(self, assignment: Assignment, batch: Batch) -> dict[str, Tensor]:
        """`loss_cls`, `loss_bbox` and `loss_metric`, scalars."""
        _, giou = batch.iou_giou_at(assignment.point, assignment.gt)
        metric_logits = batch.predictions.objectness_logits.flatten()
        metric = torch.zeros_like(metric_logits).index_add_(
            0, assignment.point, assignment.positive * assignment.target
        )  # a point has at most one ground truth

        num_positives, box_weight = batch_divisors(
            (assignment.positive.sum(), assignment.box.sum()), at_least=(1, self.eps)
        )
        loss_cls = focal_loss(assignment, batch, self.focal_alpha, self.focal_gamma)
        loss_bbox = (assignment.box * (1 - giou)).sum() / box_weight
        loss_metric = metric_loss(metric_logits, metric, self.focal_gamma)
        loss_metric = batch.mask_ignored(loss_metric, unless=metric > 0).sum() / num_positives
        return {
            "loss_cls": loss_cls / num_positives,
            "loss_bbox": self.box_loss_weight * loss_bbox,
            "loss_metric": self.metric_loss_weight * loss_metric,
        }


def metric_loss(logits: Tensor, metric: Tensor, gamma: float) -> Tensor:
    """|c - a|^gamma * BCE(c, a), c = sigmoid(logit), of each point, (N * R,): DLA eq. 7, in which
    `metric` is 0 where nothing is assigned."""
    cross_entropy = F.binary_cross_entropy_with_logits(logits, metric, reduction="none")
    return (logits.sigmoid() - metric).abs() ** gamma * cross_entropy
