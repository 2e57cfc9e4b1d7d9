"""Assignment and losses as plain functions, for detectors of any code base. Imports torch only.

Layout of the arrays: points of all levels in level order, row-major within a level. Cell (j, i) of
a level of stride s has its point at ((i + 0.5) s, (j + 0.5) s), and a level of an H x W input has
ceil(H / s) x ceil(W / s) cells. Shape letters: see `dual_weighting.assignment`.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from .assignment import DualWeighting, GroundTruths, PointGrid, Predictions
from .losses import DualWeightingLoss


def dw_losses(
    cls_logits: Tensor,
    box_distances: Tensor,
    objectness_logits: Tensor,
    gt_boxes: Sequence[Tensor],
    gt_classes: Sequence[Tensor],
    *,
    image_size: tuple[int, int],
    strides: Sequence[int],
    beta: float = 5.0,
    mu: float = 5.0,
    mu_norm: float = 3.0,
    sigma: float = 1.11,
    gamma1: float = 2.0,
    gamma2: float = 2.0,
    min_iou: float = 0.5,
    positive_loss_weight: float = 0.25,
) -> dict[str, Tensor]:
    """The losses of "A Dual Weighting Label Assignment Scheme for Object Detection" (CVPR 2022).

    In a process group of torch.distributed the divisors are averaged over the workers, for use
    with DistributedDataParallel. Half precision inputs are computed in float32.

    Args:
        cls_logits: (N, R, K).
        box_distances: (N, R, 4), from the point to the left, top, right, bottom side, pixels.
        objectness_logits: (N, R, 1).
        gt_boxes: of each image (M_n, 4), x1, y1, x2, y2 in pixels of the network input.
        gt_classes: of each image (M_n,), in [0, K).
        image_size: height and width of the batched (padded) network input, pixels.
        strides: of each level, pixels.
        beta, mu, mu_norm, sigma, gamma1, min_iou: see `dual_weighting.assignment.DualWeighting`.
        gamma2, positive_loss_weight: see `dual_weighting.losses.DualWeightingLoss`.

    Returns:
        `loss_cls_pos`, `loss_loc` and `loss_cls_neg`, scalars; their sum is the training loss.

    Raises:
        ValueError: shapes that do not fit together, or a class outside [0, K).
    """
    grid = PointGrid.from_image(image_size, strides, cls_logits.device)
    predictions = Predictions(cls_logits, box_distances, objectness_logits)
    _check(predictions, gt_boxes, gt_classes, grid)
    scheme = DualWeighting(beta, mu, mu_norm, sigma, gamma1, min_iou)
    losses = DualWeightingLoss(beta, gamma2, positive_loss_weight)
    with torch.autocast(cls_logits.device.type, enabled=False):
        predictions = predictions.float()
        targets = GroundTruths.from_images(gt_boxes, gt_classes)
        assignment = scheme(predictions, targets, grid)
        return losses(assignment, predictions, targets, grid)


def _check(
    predictions: Predictions,
    gt_boxes: Sequence[Tensor],
    gt_classes: Sequence[Tensor],
    grid: PointGrid,
) -> None:
    num_images, num_points, num_classes = predictions.cls_logits.shape
    if num_points != len(grid):
        raise ValueError(
            f"cls_logits has {num_points} points an image, image_size and strides give {len(grid)}"
        )
    for name, channels in (("box_distances", 4), ("objectness_logits", 1)):
        shape = tuple(getattr(predictions, name).shape)
        if shape != (num_images, num_points, channels):
            raise ValueError(f"{name} is {shape}, not {(num_images, num_points, channels)}")
    if not num_images == len(gt_boxes) == len(gt_classes):
        raise ValueError(
            f"{num_images} images, {len(gt_boxes)} gt_boxes and {len(gt_classes)} gt_classes"
        )
    for n, (boxes, classes) in enumerate(zip(gt_boxes, gt_classes, strict=True)):
        if boxes.shape != (len(classes), 4):
            raise ValueError(f"gt_boxes[{n}] is {tuple(boxes.shape)} for {len(classes)} gt_classes")
    classes = torch.cat(list(gt_classes))
    if bool(((classes < 0) | (classes >= num_classes)).any()):
        raise ValueError(f"gt_classes has a class outside [0, {num_classes})")
