"""The losses of O2F (CVPR 2023)."""

from dataclasses import dataclass

from torch import Tensor

from ..assignment.batch import Assignment, Batch
from .background import background_and_logits, loss_of_negatives, not_score, pair_background_loss
from .workers import batch_divisors


@dataclass(frozen=True)
class OneToFewLoss:
    """O2F's losses: soft targets for the assigned points, a focal loss for all other entries.

    Attributes:
        focal_alpha: the paper's weight of negatives, 0.75.
        focal_gamma: exponent of the score in the loss of negatives.
        box_loss_weight: factor on `loss_bbox`.
        eps: floor of the sum of box weights.
    """

    focal_alpha: float = 0.75
    focal_gamma: float = 2.0
    box_loss_weight: float = 2.0
    eps: float = 1e-6

    def __call__(self, assignment: Assignment, batch: Batch) -> dict[str, Tensor]:
        """`loss_cls` and `loss_bbox`, scalars."""
        background, logits = background_and_logits(assignment, batch, self.focal_gamma)
        log_s = batch.log_scores(logits, assignment.point)
        _, giou = batch.iou_giou_at(assignment.point, assignment.gt)

        not_negative = 1 - assignment.negative
        num_assigned, box_weight = batch_divisors(
            (not_negative.sum(), assignment.box.sum()), at_least=(1, self.eps)
        )

        positives = (assignment.positive * soft_target_loss(log_s, assignment.target)).sum()
        reduction = not_negative * pair_background_loss(log_s, self.focal_gamma)
        negatives = loss_of_negatives(assignment, batch, background, reduction)
        loss_cls = (positives + self.focal_alpha * negatives) / num_assigned
        loss_bbox = (assignment.box * (1 - giou)).sum() / box_weight
        return {"loss_cls": loss_cls, "loss_bbox": self.box_loss_weight * loss_bbox}


def soft_target_loss(log_s: Tensor, target: Tensor) -> Tensor:
    """Binary cross-entropy of the score with a target in [0, 1], from ln s, (Q,)."""
    return -target * log_s - (1 - target) * not_score(log_s).log()
