"""DLA: positives by a metric of prediction and prior that shifts with the training (ICSCA 2022)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from .batch import Assignment, Batch
from .boxes import is_inside, paired_iou_giou, square_boxes
from .formulas import assignment_metric, box_reweighting, geometric_score, geometric_share
from .nearest import nearest_points
from .segments import is_largest, segment_mean_plus_std, take_rows


@dataclass(frozen=True)
class DynamicLabelAssignment:
    """The DLA scheme.

    1. The candidates of a ground truth are the points of each level nearest to its center.
    2. Their metric mixes class score and geometry, the prior's IoU and the predicted box's (eq. 1
       and 3), by a share that depends on the progress of the training (eq. 2).
    3. A candidate is wanted if it is inside the box and its metric exceeds the mean plus the
       standard deviation over the candidates.
    4. A point wanted by several ground truths goes to the one of the largest metric, the first if
       equal.
    5. Assigned points have weight 1 and learn the metric; their boxes are weighted by it (eq. 5).
       The other candidates have weight 0.

    Attributes:
        k: number of candidates on each level.
        alpha_first, alpha_last: share of the geometric score in the metric at the start, and what
            it falls toward, the paper's alpha_0.
        epochs: the paper's T, length of the training. The share falls within its square root.
        gamma: exponent of the metric in the weight of a box.
        prior_scale: side of the square prior of a point, in strides.
    """

    k: int = 10
    alpha_first: float = 1.0
    alpha_last: float = 0.9
    epochs: float = 12.0
    gamma: float = 1.0
    prior_scale: float = 8.0

    @torch.no_grad()
    def __call__(self, batch: Batch) -> Assignment:
        centers, image = batch.targets.box_centers(), batch.targets.image
        point, gt = nearest_points(centers, image, batch.grid, self.k)
        metric = self.metric(batch, point, gt)

        threshold = take_rows(segment_mean_plus_std(metric, gt, batch.num_gt), gt)
        inside = is_inside(batch.places_at(point)[0], batch.gt_boxes_at(gt))
        wanted = (metric > threshold) & inside
        assigned = wanted & is_largest(metric.where(wanted, -1.0), point, batch.num_points)

        positive = assigned.float()
        box = box_reweighting(metric, self.gamma).where(assigned, 0.0)
        return Assignment(point, gt, positive, 1.0 - positive, box, metric.where(assigned, 0.0))

    def metric(self, batch: Batch, point: Tensor, gt: Tensor) -> Tensor:
        """The assignment metric of each pair, (Q,), in [0, 1]."""
        centers, strides = batch.places_at(point)
        priors = square_boxes(centers, self.prior_scale * strides)
        score = batch.class_logits_at(point, gt).sigmoid()
        iou_prior, _ = paired_iou_giou(priors, batch.gt_boxes_at(gt))
        iou_pred, _ = batch.iou_giou_at(point, gt)
        share = geometric_share(
            batch.progress * self.epochs, self.epochs, self.alpha_first, self.alpha_last
        )
        return assignment_metric(score, geometric_score(score, iou_prior, iou_pred), share)
