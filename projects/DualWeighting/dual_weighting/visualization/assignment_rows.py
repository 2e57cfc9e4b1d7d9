"""From a detector and an image to what the picture of its assignment shows."""

from dataclasses import dataclass

import numpy as np
from detectron2.data.detection_utils import convert_image_to_rgb
from torch import nn

from dual_weighting.visualization.candidates import Candidates, candidates_of


@dataclass(frozen=True)
class AssignmentRow:
    """A ground truth as one model and scheme see it: a row of the picture.

    Attributes:
        title: names model and scheme.
        image: (H, W, 3), RGB in [0, 255], the network input.
        gt_box: (4,), x1, y1, x2, y2 in its pixels.
        gt_class: in [0, K).
        level_names: of the L levels.
        level_sizes: (L, 2), columns and rows.
        level_strides: (L,), pixels.
    """

    title: str
    image: np.ndarray
    gt_box: np.ndarray
    gt_class: int
    candidates: Candidates
    level_names: list[str]
    level_sizes: np.ndarray
    level_strides: np.ndarray


def assignment_rows(
    detector: nn.Module, mapped: dict, *, title: str, image_format: str
) -> list[AssignmentRow]:
    """The row of each ground truth of an image.

    Args:
        detector: a `DualWeightingDetector`; asked as it is, in the mode and at the training
            progress that it has.
        mapped: the image with its "instances", as Detectron2's training mapper makes it.
        image_format: of the mapper, "RGB" or "BGR".
    """
    assignment, batch = detector.assign_images([mapped])
    targets, grid = batch.targets, batch.grid
    image = convert_image_to_rgb(mapped["image"].permute(1, 2, 0), image_format)
    return [
        AssignmentRow(
            title=title,
            image=np.asarray(image, dtype=np.uint8),
            gt_box=targets.boxes[gt].cpu().numpy(),
            gt_class=int(targets.classes[gt]),
            candidates=candidates_of(gt, assignment, batch),
            level_names=list(detector.head_in_features),
            level_sizes=grid.level_sizes.cpu().numpy(),
            level_strides=grid.level_strides.cpu().numpy(),
        )
        for gt in range(len(targets))
    ]
