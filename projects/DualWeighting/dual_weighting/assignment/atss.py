"""ATSS: positives by the statistics of the prior boxes' IoU (CVPR 2020)."""

from dataclasses import dataclass

import torch

from .batch import Assignment, Batch
from .boxes import is_inside, paired_iou_giou, square_boxes
from .formulas import centerness
from .nearest import nearest_points
from .segments import is_largest, segment_mean_plus_std, take_rows


@dataclass(frozen=True)
class AdaptiveSelection:
    """The ATSS scheme. It reads neither predictions nor progress.

    1. The candidates of a ground truth are the points of each level nearest to its center.
    2. A candidate is wanted if it is inside the box and the IoU of its square prior with the box is
       at least the mean plus the standard deviation over the candidates.
    3. A point wanted by several ground truths goes to the one of the largest IoU, the first if
       equal.
    4. Assigned points have weight 1 and learn their centerness, by which their boxes are weighted;
       the other candidates have weight 0.

    Attributes:
        k: number of candidates on each level.
        prior_scale: side of the square prior of a point, in strides.
    """

    k: int = 9
    prior_scale: float = 8.0

    @torch.no_grad()
    def __call__(self, batch: Batch) -> Assignment:
        gt_centers, image = batch.targets.box_centers(), batch.targets.image
        point, gt = nearest_points(gt_centers, image, batch.grid, self.k)
        (centers, strides), gt_boxes = batch.places_at(point), batch.gt_boxes_at(gt)
        priors = square_boxes(centers, self.prior_scale * strides)
        iou, _ = paired_iou_giou(priors, gt_boxes)

        threshold = take_rows(segment_mean_plus_std(iou, gt, batch.num_gt), gt)
        wanted = (iou >= threshold) & is_inside(centers, gt_boxes)
        positive = (wanted & is_largest(iou.where(wanted, -1.0), point, batch.num_points)).float()
        # Points outside their boxes have no centerness, and no weight either.
        target = centerness(centers, gt_boxes).where(positive > 0, 0.0)
        return Assignment(point, gt, positive, 1 - positive, box=target, target=target)
