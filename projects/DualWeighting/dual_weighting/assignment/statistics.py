"""What an assignment did, in a few numbers to follow. Shape letters: see the package."""

import torch
from torch import Tensor

from .batch import Assignment, Batch
from .segments import segment_max, segment_sum, take_rows


@torch.no_grad()
def assignment_statistics(
    assignment: Assignment,
    batch: Batch,
    *,
    strong: float = 0.5,
    weak: float = 0.01,
) -> dict[str, Tensor]:
    """Scalars over a batch with at least one ground truth.

    Whatever the scheme, a pair counts by its positive weight as a share of the largest of its
    ground truth: from `strong` on it is a positive, from `weak` up to there a soft positive.

    Returns:
        positives_per_gt; soft_positives_per_gt; gts_without_positive, the share of the ground
        truths without any positive weight; positive_iou, the mean IoU of the positives' predicted
        boxes; positives_level_0 and so on, the share of the positives on each level. The last two
        are NaN without positives.
    """
    num_gt = batch.num_gt
    largest = segment_max(assignment.positive, assignment.gt, num_gt).clamp(min=0)
    share = assignment.positive / take_rows(largest, assignment.gt)  # NaN where all weights are 0
    positive = share >= strong
    soft = (share >= weak) & ~positive

    iou, _ = batch.iou_giou_at(assignment.point, assignment.gt)
    num_positive, num_levels = positive.sum(), len(batch.grid.level_strides)
    level = batch.levels_at(assignment.point)
    on_level = segment_sum(positive.to(iou.dtype), level, num_levels) / num_positive
    statistics = {
        "positives_per_gt": num_positive / num_gt,
        "soft_positives_per_gt": soft.sum() / num_gt,
        "gts_without_positive": (largest == 0).sum() / num_gt,
        "positive_iou": (iou * positive).sum() / num_positive,
    }
    for k, value in enumerate(on_level.unbind()):
        statistics[f"positives_level_{k}"] = value
    return statistics
