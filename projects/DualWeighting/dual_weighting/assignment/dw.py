"""DW: a positive and a negative weight for every candidate, each by its own rule (CVPR 2022)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from .batch import Assignment, Batch
from .formulas import center_prior_of_pairs, negative_probability, normalized_positive_weights
from .points import pairs_inside
from .segments import segment_max, segment_min, smallest_of_equal_keys, take_rows


@dataclass(frozen=True)
class DualWeighting:
    """The DW scheme.

    1. The candidates of a ground truth are the points strictly inside its box.
    2. The positive weight w_pos of a candidate comes from its consistency t of score and box (eq. 3
       and 4) and the center prior, divided by a sum over the candidates of the ground truth.
    3. The negative weight P_neg comes from the candidate's IoU (eq. 5 and 6), stretched to [0, 1]
       over the candidates of the ground truth.
    4. Where ground truths of one class share a point, the smallest P_neg counts.

    Attributes:
        beta: the paper's beta, how much localization counts in the consistency t.
        mu: the paper's mu, contrast between candidates of different consistency.
        mu_norm: mu of the sum that w_pos is divided by. It is smaller than `mu` in the release,
            so the weights of a ground truth do not sum to one.
        sigma: width of the center prior, in strides.
        gamma1: the paper's gamma_1, exponent of the IoU in P_neg.
        min_iou: candidates of a smaller IoU are negatives for certain, P_neg = 1 (0.5 in eq. 5).
        coupled: the ablation without a negative weight of its own, 1 - w_pos in the place of P_neg.
        eps: floor of the divisors.
    """

    beta: float = 5.0
    mu: float = 5.0
    mu_norm: float = 3.0
    sigma: float = 1.11
    gamma1: float = 2.0
    min_iou: float = 0.5
    coupled: bool = False
    eps: float = 1e-12

    @torch.no_grad()
    def __call__(self, batch: Batch) -> Assignment:
        point, gt = pairs_inside(batch.targets.boxes, batch.targets.image, batch.grid)
        score = batch.scores_at(point, gt)
        iou, giou = batch.iou_giou_at(point, gt)
        prior = center_prior_of_pairs(batch, point, gt, self.sigma)
        positive = normalized_positive_weights(
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
        if self.coupled:
            negative = (1 - positive).clamp(min=0)
        else:
            negative = self.negative_probabilities(iou, gt, batch.num_gt)
        entries = batch.entries_at(point, gt)
        negative = smallest_of_equal_keys(negative, entries, otherwise=1.0)
        return Assignment(point, gt, positive, negative, box=positive)

    def negative_probabilities(self, iou: Tensor, gt: Tensor, num_gt: int) -> Tensor:
        """P_neg of each pair, (Q,): eq. 6, stretched to [0, 1] over a ground truth's candidates."""
        p = negative_probability(iou, self.gamma1, self.min_iou)
        low = take_rows(segment_min(p, gt, num_gt), gt)
        high = take_rows(segment_max(p, gt, num_gt).clamp(max=1.0), gt)
        stretched = (p - low + self.eps) / (high - low + self.eps)
        return stretched.masked_fill(iou < self.min_iou, 1.0)
