"""The losses of DW (CVPR 2022)."""

from dataclasses import dataclass

from torch import Tensor

from ..assignment.batch import Assignment, Batch
from .background import background_and_logits, loss_of_negatives, pair_background_loss
from .workers import batch_divisors


@dataclass(frozen=True)
class DualWeightingLoss:
    """DW's three losses: candidates as positives, their boxes, and everything as negatives.

    Attributes:
        beta: beta of the scheme. The box loss is -ln p_loc = beta * (1 - GIoU).
        gamma2: the paper's gamma_2, exponent of the score in I_neg.
        positive_loss_weight: factor on `loss_cls_pos` and `loss_loc` (0.25 in the release).
    """

    beta: float = 5.0
    gamma2: float = 2.0
    positive_loss_weight: float = 0.25

    def __call__(self, assignment: Assignment, batch: Batch) -> dict[str, Tensor]:
        """`loss_cls_pos`, `loss_loc` and `loss_cls_neg`, scalars."""
        background, logits = background_and_logits(assignment, batch, self.gamma2)
        log_s = batch.log_scores(logits, assignment.point)
        _, giou = batch.iou_giou_at(assignment.point, assignment.gt)

        not_negative = 1 - assignment.negative
        num_gt = not_negative.new_full((), batch.num_gt)
        num_gt, num_not_negative = batch_divisors((num_gt, not_negative.sum()), at_least=(1, 1))

        reduction = not_negative * pair_background_loss(log_s, self.gamma2)
        negatives = loss_of_negatives(assignment, batch, background, reduction)
        positive_scale = self.positive_loss_weight / num_gt
        return {
            "loss_cls_pos": positive_scale * (assignment.positive * -log_s).sum(),
            "loss_loc": positive_scale * (assignment.box * self.beta * (1 - giou)).sum(),
            "loss_cls_neg": negatives / num_not_negative,
        }
