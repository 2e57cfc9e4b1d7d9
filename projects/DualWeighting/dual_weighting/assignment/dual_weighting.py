"""DW: a positive and a negative weight for every candidate, each by its own rule (CVPR 2022)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from .boxes import paired_iou_giou
from .points import PointGrid, pairs_inside
from .records import Assignment, GroundTruths, Predictions
from .segments import rows, segment_max, segment_min, segment_sum, smallest_of_equal_keys
from .weighting import center_prior, consistency, negative_probability, positive_weight


@dataclass(frozen=True)
class DualWeighting:
    """The DW scheme. The candidates of a ground truth are the points strictly inside its box.

    Attributes:
        beta: the paper's beta, how much localisation counts in the consistency t.
        mu: the paper's mu, contrast between candidates of different consistency.
        mu_norm: mu of the sum that w_pos is divided by. It is smaller than `mu` in the release,
            so the weights of a ground truth do not sum to one.
        sigma: width of the centre prior, in strides.
        gamma1: the paper's gamma_1, exponent of the IoU in P_neg.
        min_iou: candidates of a smaller IoU are negatives for certain, P_neg = 1 (0.5 in eq. 5).
        eps: floor of the divisors.
    """

    beta: float = 5.0
    mu: float = 5.0
    mu_norm: float = 3.0
    sigma: float = 1.11
    gamma1: float = 2.0
    min_iou: float = 0.5
    eps: float = 1e-12

    @torch.no_grad()
    def __call__(
        self,
        predictions: Predictions,
        targets: GroundTruths,
        grid: PointGrid,
        progress: float = 0.0,
    ) -> Assignment:
        """Assign a batch. DW does not change over training: `progress` is not used."""
        point, gt = pairs_inside(targets.boxes, targets.image, grid)
        boxes, gt_boxes = predictions.boxes_at(point, grid), rows(targets.boxes, gt)
        gt_classes = rows(targets.classes, gt)
        score = predictions.log_scores_at(point, gt_classes).exp()
        prior = self.center_prior(point, gt_boxes, grid)

        iou, giou = paired_iou_giou(boxes, gt_boxes)
        positive = self.positive_weights(score, 1 - giou, prior, gt, targets)
        negative = self.negative_probabilities(iou, gt, targets)
        # Ground truths of one class that share a point: the smallest P_neg of them counts.
        num_classes = predictions.cls_logits.shape[2]
        point_and_class = point * num_classes + gt_classes
        negative = smallest_of_equal_keys(negative, point_and_class, otherwise=1.0)
        return Assignment(point, gt, positive, negative, box=positive)

    def center_prior(self, point: Tensor, gt_boxes: Tensor, grid: PointGrid) -> Tensor:
        """(Q,), the Gaussian prior of each pair."""
        index = point % len(grid)
        gt_centers = (gt_boxes[:, :2] + gt_boxes[:, 2:]) / 2
        return center_prior(
            rows(grid.centers, index) - gt_centers, rows(grid.strides, index), self.sigma
        )

    def positive_weights(
        self, score: Tensor, giou_loss: Tensor, prior: Tensor, gt: Tensor, targets: GroundTruths
    ) -> Tensor:
        """w_pos of each pair, (Q,): eq. 4 times the prior, over the sum for its ground truth."""
        t = consistency(score, giou_loss, self.beta)
        total = segment_sum(positive_weight(t, self.mu_norm) * prior, gt, len(targets))
        return positive_weight(t, self.mu) * prior / rows(total.clamp(min=self.eps), gt)

    def negative_probabilities(self, iou: Tensor, gt: Tensor, targets: GroundTruths) -> Tensor:
        """P_neg of each pair, (Q,): eq. 6, stretched to [0, 1] over a ground truth's candidates."""
        p = negative_probability(iou, self.gamma1, self.min_iou)
        low = rows(segment_min(p, gt, len(targets)), gt)
        high = rows(segment_max(p, gt, len(targets)).clamp(max=1.0), gt)
        stretched = (p - low + self.eps) / (high - low + self.eps)
        return torch.where(iou < self.min_iou, 1.0, stretched)
