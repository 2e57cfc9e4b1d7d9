"""The losses of DW's candidates under the weighting functions of other schemes."""

from dataclasses import dataclass

from torch import Tensor

from ..assignment.batch import Assignment, Batch
from .background import background_and_logits, loss_of_negatives, not_score, pair_background_loss
from .workers import batch_divisors


@dataclass(frozen=True)
class WeightedCandidatesLoss:
    """DW's three losses, for weights that belong to -ln s and -ln(1 - s) themselves.

    A candidate costs -w_pos ln s - w_neg ln(1 - s) (eq. 1 of the DW paper), in which both weights
    are constants and both terms have one divisor, the sum of the targets as in VarifocalNet and
    TOOD. Their balance is the point of these functions: with those of GFL and VFL, s = t is where
    the loss of a candidate in the center has no slope. Everything else costs s^gamma2 * -ln(1 - s),
    as in DW, and the boxes learn as in DW.

    Attributes:
        beta: beta of the scheme. The box loss is -ln p_loc = beta * (1 - GIoU).
        gamma2: exponent of the score in the loss of what is no candidate.
        box_loss_weight: factor on `loss_loc` (0.25 in DW's release).
    """

    beta: float = 5.0
    gamma2: float = 2.0
    box_loss_weight: float = 0.25

    def __call__(self, assignment: Assignment, batch: Batch) -> dict[str, Tensor]:
        """`loss_cls_pos`, `loss_loc` and `loss_cls_neg`, scalars."""
        background, logits = background_and_logits(assignment, batch, self.gamma2)
        log_s = batch.log_scores(logits, assignment.point)
        _, giou = batch.iou_giou_at(assignment.point, assignment.gt)

        # A candidate costs w_neg * -ln(1 - s) in the place of the background loss.
        own_loss = assignment.negative * -not_score(log_s).log()
        reduction = pair_background_loss(log_s, self.gamma2) - own_loss
        reduction = reduction.where(assignment.negative < 1, 0.0)
        negatives = loss_of_negatives(assignment, batch, background, reduction)

        num_gt = assignment.target.new_full((), batch.num_gt)
        num_gt, sum_of_targets = batch_divisors((num_gt, assignment.target.sum()), at_least=(1, 1))
        box_scale = self.box_loss_weight / num_gt
        return {
            "loss_cls_pos": (assignment.positive * -log_s).sum() / sum_of_targets,
            "loss_loc": box_scale * (assignment.box * self.beta * (1 - giou)).sum(),
            "loss_cls_neg": negatives / sum_of_targets,
        }
