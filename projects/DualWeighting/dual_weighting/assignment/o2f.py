"""O2F: one certain positive and a few soft ones for every ground truth (CVPR 2023)."""

from dataclasses import dataclass

import torch

from .batch import Assignment, Batch
from .formulas import centerness, soft_degree, soft_target, task_quality
from .points import center_regions, pairs_inside
from .segments import is_largest, rank_in_segment, segment_max, take_rows


@dataclass(frozen=True)
class OneToFew:
    """The O2F scheme.

    1. The candidates of a ground truth are the points inside its box near its center.
    2. Their quality mixes score and IoU; the best `num_soft` of a ground truth are wanted.
    3. A point wanted by several ground truths goes to the one of the largest quality, the first if
       equal.
    4. The best point of a ground truth is its certain positive, of target 1 and weight 1.
    5. Its other points are soft positives, of weight `soft_weight`, with targets in proportion to
       their scores, the less the further the training has come.
    6. Boxes are weighted by centerness. The other candidates have weight 0.

    Attributes:
        radius: candidates are within this many strides of the center, along both axes.
        num_soft: the paper's K, the largest number of points assigned to a ground truth.
        alpha: the paper's alpha, exponent of the IoU in the quality; the score has 1 - alpha.
        soft_degree_first, soft_degree_last: the largest target of a soft point at the start and at
            the end of the training, T_max and T_min of the paper.
        soft_weight: weight of the classification loss of a soft point.
    """

    radius: float = 1.5
    num_soft: int = 7
    alpha: float = 0.8
    soft_degree_first: float = 0.6
    soft_degree_last: float = 0.2
    soft_weight: float = 0.4

    @torch.no_grad()
    def __call__(self, batch: Batch) -> Assignment:
        targets, grid = batch.targets, batch.grid
        regions = center_regions(targets.boxes, grid, self.radius, targets.centers)
        point, gt = pairs_inside(regions, targets.image, grid)
        score = batch.scores_at(point, gt)
        iou, _ = batch.iou_giou_at(point, gt)
        quality = task_quality(score, iou, self.alpha)

        wanted = (rank_in_segment(quality, gt) < self.num_soft) & (iou > 0)
        assigned = wanted & is_largest(quality.where(wanted, -1.0), point, batch.num_points)
        certain = assigned & is_largest(quality.where(assigned, -1.0), gt, batch.num_gt)
        soft = assigned & ~certain

        degree = soft_degree(batch.progress, self.soft_degree_first, self.soft_degree_last)
        largest = take_rows(segment_max(score.where(soft, 0.0), gt, batch.num_gt), gt)
        target = torch.where(certain, 1.0, soft_target(score, largest, degree)).where(assigned, 0.0)
        positive = torch.where(certain, 1.0, self.soft_weight).where(assigned, 0.0)
        centers, _ = batch.places_at(point)
        box = centerness(centers, batch.gt_boxes_at(gt)).where(assigned, 0.0)
        return Assignment(point, gt, positive, 1.0 - assigned.float(), box, target)
