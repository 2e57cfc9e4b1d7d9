"""Regions of an image in which nothing is a mistake: what they hold was not annotated."""

from collections.abc import Sequence

import torch
from detectron2.structures import Instances
from torch import Tensor

from ..assignment import PointGrid
from ..assignment.batch import IGNORED, GroundTruths
from ..assignment.points import points_inside


def split_regions(
    instances: Sequence[Instances],
) -> tuple[list[Instances], list[Instances]]:
    """The objects and the regions to ignore of each image. Regions have the class `IGNORED`."""
    # The usual batch has no region, which is asked of the device once and not for each image.
    if not (torch.cat([x.gt_classes for x in instances]) == IGNORED).any():
        return list(instances), [x[:0] for x in instances]
    objects = [x[x.gt_classes != IGNORED] for x in instances]
    regions = [x[x.gt_classes == IGNORED] for x in instances]
    return objects, regions


def ignored_points(regions: Sequence[Instances], grid: PointGrid) -> Tensor | None:
    """Mask (N * R,) of the points inside the regions of their image; None without regions."""
    if not any(map(len, regions)):
        return None
    boxes = GroundTruths.from_images(
        [x.gt_boxes.tensor for x in regions], [x.gt_classes for x in regions]
    )
    return points_inside(boxes.boxes, boxes.image, grid, num_images=len(regions))
