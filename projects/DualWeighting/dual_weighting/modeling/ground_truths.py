"""Ground truths, and regions to ignore, from the instances of Detectron2."""

from collections.abc import Sequence

import torch
from detectron2.structures import Instances
from torch import Tensor

from ..assignment import GroundTruths, PointGrid
from ..assignment.batch import IGNORED
from ..assignment.points import points_inside


def split_ignored(
    instances: Sequence[Instances], grid: PointGrid
) -> tuple[list[Instances], Tensor | None]:
    """The objects of each image, and the mask (N * R,) of the points inside regions to ignore, the
    instances of the class `IGNORED`; None without such regions."""
    # The usual batch has no region, which takes one transfer from the device, not one per image.
    if not (torch.cat([x.gt_classes for x in instances]) == IGNORED).any():
        return list(instances), None
    objects = [x[x.gt_classes != IGNORED] for x in instances]
    regions = ground_truths([x[x.gt_classes == IGNORED] for x in instances])
    return objects, points_inside(regions.boxes, regions.image, grid, len(instances))


def ground_truths(instances: Sequence[Instances]) -> GroundTruths:
    """The ground truths of a batch from Detectron2's per-image instances."""
    return GroundTruths.from_images(
        [x.gt_boxes.tensor for x in instances], [x.gt_classes for x in instances]
    )
