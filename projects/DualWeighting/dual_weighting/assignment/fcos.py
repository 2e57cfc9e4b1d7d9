"""FCOS: points near the center of a box of their level's size (ICCV 2019, TPAMI 2020)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from .batch import Assignment, Batch
from .formulas import centerness
from .points import center_regions, pairs_inside
from .segments import is_largest


@dataclass(frozen=True)
class CenterSampling:
    """The FCOS scheme with center sampling. Labels and boxes equal those of Detectron2's FCOS. It
    reads neither predictions nor progress.

    1. The candidates of a ground truth are the points inside its box near its center.
    2. A candidate is wanted if the box has the size of the candidate's level.
    3. A point wanted by several ground truths goes to the smallest of them, the first if equal.
    4. Assigned points have weight 1 and learn their centerness (eq. 3); the other candidates have
       weight 0.

    Attributes:
        radius: candidates are within this many strides of the center, along both axes.
        low, high: a level has the boxes whose farthest side is between this many strides from the
            point. The first level has all smaller ones too, the last level all larger ones.
    """

    radius: float = 1.5
    low: float = 4.0
    high: float = 8.0

    @torch.no_grad()
    def __call__(self, batch: Batch) -> Assignment:
        regions = center_regions(batch.targets.boxes, batch.grid, self.radius)
        point, gt = pairs_inside(regions, batch.targets.image, batch.grid)
        (centers, _), gt_boxes = batch.places_at(point), batch.gt_boxes_at(gt)

        wanted = self.fits_level(batch, point, gt)
        smallest = is_largest(
            smallness(gt_boxes).where(wanted, -torch.inf), point, batch.num_points
        )
        positive = (wanted & smallest).float()
        target = centerness(centers, gt_boxes) * positive
        return Assignment(point, gt, positive, 1 - positive, box=positive, target=target)

    def fits_level(self, batch: Batch, point: Tensor, gt: Tensor) -> Tensor:
        """Whether each pair's box has the size of the point's level, (Q,)."""
        (centers, stride), gt_boxes = batch.places_at(point), batch.gt_boxes_at(gt)
        sides = torch.cat((centers - gt_boxes[:, :2], gt_boxes[:, 2:] - centers), dim=1)
        level, last_level = batch.levels_at(point), len(batch.grid.level_strides) - 1
        farthest = sides.amax(dim=1)
        large_enough = (farthest > self.low * stride) | (level == 0)
        small_enough = (farthest < self.high * stride) | (level == last_level)
        return large_enough & small_enough


def smallness(boxes: Tensor) -> Tensor:
    """1e8 - area of each box, (Q,), as Detectron2's FCOS has it: in float32, areas that differ by
    less than 4 square pixels are equal, and those that differ by more than 8 are not."""
    width, height = (boxes[:, 2:] - boxes[:, :2]).unbind(dim=1)
    return 1e8 - width * height
