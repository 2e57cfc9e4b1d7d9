"""The losses that are compared, and the batches that they are called with."""

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from benchmarks.dense_dw import dense_dw_losses
from benchmarks.dense_o2f import dense_o2f_losses
from benchmarks.dense_one_per_point import (
    dense_atss_losses,
    dense_dla_losses,
    dense_fcos_losses,
)
from dual_weighting.assignment import (
    AdaptiveSelection,
    Assignment,
    CenterSampling,
    PointGrid,
    Predictions,
)
from dual_weighting.functional import dla_losses, dw_losses, o2f_losses
from dual_weighting.functional.batch import losses_of_batch
from dual_weighting.losses import CenternessLoss

STRIDES = (8, 16, 32, 64, 128)
INPUTS = ("cls_logits", "box_distances", "objectness_logits")


def scheme_losses(
    scheme: Callable[..., Assignment],
    losses: Callable[..., dict[str, Tensor]],
    cls_logits: Tensor,
    box_distances: Tensor,
    objectness_logits: Tensor,
    gt_boxes: list[Tensor],
    gt_classes: list[Tensor],
    *,
    image_size: tuple[int, int],
    strides: tuple[int, ...],
) -> dict[str, Tensor]:
    """What the functions of `dual_weighting.functional` do, for a scheme that has none."""
    return losses_of_batch(
        scheme,
        losses,
        Predictions(cls_logits, box_distances, objectness_logits),
        gt_boxes,
        gt_classes,
        PointGrid.from_image(image_size, strides, cls_logits.device),
    )


METHODS = {
    "DW": {"sparse": dw_losses, "dense": dense_dw_losses},
    "O2F": {
        "sparse": partial(o2f_losses, progress=0.5),
        "dense": partial(dense_o2f_losses, progress=0.5),
    },
    "DLA": {
        "sparse": partial(dla_losses, progress=0.5, epochs=12),
        "dense": partial(dense_dla_losses, progress=0.5, epochs=12),
    },
    "FCOS": {
        "sparse": partial(scheme_losses, CenterSampling(), CenternessLoss()),
        "dense": dense_fcos_losses,
    },
    "ATSS": {
        "sparse": partial(scheme_losses, AdaptiveSelection(), CenternessLoss(box_loss_weight=2)),
        "dense": dense_atss_losses,
    },
}


def random_batch(
    num_gt: int,
    *,
    num_images: int,
    num_classes: int,
    image_size: tuple[int, int],
    device: torch.device,
) -> dict:
    """Keyword arguments of a loss call; box sides are log-uniform between 16 and 400 pixels."""
    generator = torch.Generator().manual_seed(num_gt)
    grid = PointGrid.from_image(image_size, STRIDES)
    height, width = image_size
    shape = (num_images, len(grid))
    inputs = {
        "cls_logits": torch.randn(*shape, num_classes, generator=generator) - 4,
        "box_distances": 4 * grid.strides[:, None] * torch.rand(*shape, 4, generator=generator),
        "objectness_logits": torch.randn(*shape, 1, generator=generator),
    }
    boxes, classes = [], []
    for _ in range(num_images):
        low, high = math.log(16), math.log(400)
        size = torch.exp(low + (high - low) * torch.rand(num_gt, 2, generator=generator))
        center = torch.rand(num_gt, 2, generator=generator) * torch.tensor([width, height])
        corners = torch.cat((center - size / 2, center + size / 2), dim=1)
        corners[:, 0::2] = corners[:, 0::2].clamp(0, width)
        corners[:, 1::2] = corners[:, 1::2].clamp(0, height)
        boxes.append(corners.to(device))
        classes.append(torch.randint(num_classes, (num_gt,), generator=generator).to(device))
    batch = {name: x.to(device).requires_grad_() for name, x in inputs.items()}
    return batch | {
        "gt_boxes": boxes,
        "gt_classes": classes,
        "image_size": image_size,
        "strides": STRIDES,
    }


def tensors_of(batch: dict) -> list[Tensor]:
    """All that a loss call is given."""
    return [batch[name] for name in INPUTS] + batch["gt_boxes"] + batch["gt_classes"]
