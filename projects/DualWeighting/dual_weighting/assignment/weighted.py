"""DW's candidates under the weighting functions of other schemes (Table 1 of the DW paper)."""

from dataclasses import dataclass

import torch

from .batch import Assignment, Batch
from .formulas import center_prior_of_pairs, normalized_positive_weights
from .points import pairs_inside
from .segments import smallest_of_equal_keys
from .weighting_functions import TABLE_1


@dataclass(frozen=True)
class WeightedCandidates:
    """Candidates, center prior and box weights of DW, classification weights of another scheme.

    1. The candidates of a ground truth are the points strictly inside its box.
    2. Their score and IoU give a target t, and t gives w_pos and w_neg (Table 1).
    3. The positive weight is w_pos times the center prior, a factor on -ln s.
    4. The negative weight is w_neg, a factor on -ln(1 - s) itself and not on DW's I_neg, see
       `WeightedCandidatesLoss`; the smallest, where ground truths of one class share a point.
    5. The box weight is DW's w_pos.

    Attributes:
        weighting: a name of `weighting_functions.TABLE_1`.
        beta, mu, mu_norm, sigma, eps: see `DualWeighting`.
    """

    weighting: str = "gfl"
    beta: float = 5.0
    mu: float = 5.0
    mu_norm: float = 3.0
    sigma: float = 1.11
    eps: float = 1e-12

    def __post_init__(self):
        if self.weighting not in TABLE_1:
            raise ValueError(f"weighting must be one of {', '.join(TABLE_1)}, got {self.weighting}")

    @torch.no_grad()
    def __call__(self, batch: Batch) -> Assignment:
        point, gt = pairs_inside(batch.targets.boxes, batch.targets.image, batch.grid)
        score = batch.scores_at(point, gt)
        iou, giou = batch.iou_giou_at(point, gt)
        prior = center_prior_of_pairs(batch, point, gt, self.sigma)

        weights, target = TABLE_1[self.weighting]
        t = target(score, iou, gt, batch.num_gt)
        w_pos, w_neg = weights(score, t)
        negative = smallest_of_equal_keys(w_neg, batch.entries_at(point, gt), otherwise=1.0)
        box = normalized_positive_weights(
            score,
            1 - giou,
            prior,
            gt,
            batch.num_gt,
            beta=self.beta,
            mu=self.mu,
            mu_norm=self.mu_norm,
            eps=self.eps,
        )
        return Assignment(point, gt, w_pos * prior, negative, box, target=t)
