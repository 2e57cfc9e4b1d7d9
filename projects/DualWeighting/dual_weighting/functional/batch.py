"""What the functions of all schemes share: checks, then assignment and losses in float32."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ..assignment import Assignment, Batch, GroundTruths, PointGrid, Predictions


def losses_of_batch(
    scheme: Callable[..., Assignment],
    losses: Callable[..., dict[str, Tensor]],
    predictions: Predictions,
    gt_boxes: Sequence[Tensor],
    gt_classes: Sequence[Tensor],
    grid: PointGrid,
    progress: float = 0.0,
) -> dict[str, Tensor]:
    """Check the arguments, then assign and compute the losses in float32."""
    check(predictions, gt_boxes, gt_classes, grid, progress)
    with torch.autocast(predictions.cls_logits.device.type, enabled=False):
        predictions = predictions.float()
        targets = GroundTruths.from_images(gt_boxes, gt_classes)
        batch = Batch(predictions, targets, grid, progress)
        return losses(scheme(batch), batch)


def check(
    predictions: Predictions,
    gt_boxes: Sequence[Tensor],
    gt_classes: Sequence[Tensor],
    grid: PointGrid,
    progress: float,
) -> None:
    """Raise `ValueError` unless the arguments fit together."""
    if not 0.0 <= progress <= 1.0:
        raise ValueError(f"progress is a number in [0, 1], not {progress}")
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
