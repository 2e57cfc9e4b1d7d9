"""Losses of every scheme, forward and backward, by the number of objects in an image; Detectron2's
FCOS, whose assignment is a table of all points by all objects, for comparison."""

import argparse
import math
from collections.abc import Callable

import torch
from detectron2.layers import ShapeSpec
from detectron2.modeling.anchor_generator import DefaultAnchorGenerator
from detectron2.modeling.meta_arch.fcos import FCOS, FCOSHead
from detectron2.structures import Boxes, Instances
from detectron2.utils.events import EventStorage
from torch import Tensor, nn

from benchmarks.measure import PeakAllocations, median_seconds, mib, ms, print_table
from dual_weighting.assignment import (
    AdaptiveSelection,
    Batch,
    CenterSampling,
    DualWeighting,
    DynamicLabelAssignment,
    GroundTruths,
    OneToFew,
    PointGrid,
    Predictions,
)
from dual_weighting.losses import (
    CenternessLoss,
    DualWeightingLoss,
    DynamicLabelAssignmentLoss,
    OneToFewLoss,
)

SCHEMES = {
    "DW": (DualWeighting(), DualWeightingLoss()),
    "O2F": (OneToFew(), OneToFewLoss()),
    "DLA": (DynamicLabelAssignment(), DynamicLabelAssignmentLoss()),
    "ATSS": (AdaptiveSelection(), CenternessLoss(box_loss_weight=2.0)),
    "FCOS": (CenterSampling(), CenternessLoss()),
}
STRIDES = (8, 16, 32, 64, 128)


def random_batch(
    num_gt: int,
    *,
    num_images: int,
    num_classes: int,
    image_size: tuple[int, int],
    device: torch.device,
) -> Batch:
    """Predictions are leaves that require a gradient; box sides are log-uniform between 16 and 400
    pixels."""
    generator = torch.Generator().manual_seed(num_gt)
    grid = PointGrid.from_image(image_size, STRIDES)
    shape = (num_images, len(grid))
    predictions = (
        torch.randn(*shape, num_classes, generator=generator) - 4,
        4 * grid.strides[:, None] * torch.rand(*shape, 4, generator=generator),
        torch.randn(*shape, 1, generator=generator),
    )
    boxes, classes = [], []
    limit = torch.tensor(image_size[::-1]).repeat(2)
    for _ in range(num_images):
        size = 16 * torch.exp(math.log(25) * torch.rand(num_gt, 2, generator=generator))
        center = torch.rand(num_gt, 2, generator=generator) * limit[:2]
        corners = torch.cat((center - size / 2, center + size / 2), dim=1)
        boxes.append(corners.clamp(min=0).minimum(limit).to(device))
        classes.append(torch.randint(num_classes, (num_gt,), generator=generator).to(device))
    return Batch(
        Predictions(*(x.to(device).requires_grad_() for x in predictions)),
        GroundTruths.from_images(boxes, classes),
        PointGrid.from_image(image_size, STRIDES, device),
        progress=0.5,
    )


def instances_of(batch: Batch, image_size: tuple[int, int]) -> list[Instances]:
    """The ground truths of each image in Detectron2's form."""
    targets = batch.targets
    masks = [targets.image == n for n in range(len(batch.predictions.cls_logits))]
    return [
        Instances(image_size, gt_boxes=Boxes(targets.boxes[m]), gt_classes=targets.classes[m])
        for m in masks
    ]


class Pyramid(nn.Module):
    """As much of a backbone as Detectron2's FCOS asks for."""

    def output_shape(self) -> dict[str, ShapeSpec]:
        return {f"p{k + 3}": ShapeSpec(channels=8, stride=s) for k, s in enumerate(STRIDES)}


def detectron2_fcos(num_classes: int) -> FCOS:
    """Without a head that predicts; its divisor is that of the batch, not a running mean."""
    shapes = [ShapeSpec(channels=8)] * len(STRIDES)
    head = FCOSHead(input_shape=shapes, num_classes=num_classes, conv_dims=[8], norm="")
    model = FCOS(
        backbone=Pyramid(),
        head=head,
        num_classes=num_classes,
        pixel_mean=[0.0] * 3,
        pixel_std=[1.0] * 3,
    )
    model._ema_update = lambda name, value, initial: value
    return model


def detectron2_anchors(image_size: tuple[int, int], device: torch.device) -> list[Boxes]:
    generator = DefaultAnchorGenerator(
        sizes=[[s] for s in STRIDES], aspect_ratios=[1.0], strides=STRIDES
    ).to(device)
    height, width = image_size
    return generator([torch.zeros(1, 8, -(-height // s), -(-width // s)) for s in STRIDES])


def detectron2_losses(
    model: FCOS, anchors: list[Boxes], instances: list[Instances], batch: Batch
) -> dict[str, Tensor]:
    """Detectron2's labels and losses for the predictions of a batch."""
    labels, boxes = model.label_anchors(anchors, instances)
    predictions, counts = batch.predictions, [len(level) for level in anchors]
    distances = predictions.box_distances / batch.grid.strides[:, None]
    with EventStorage():
        return model.losses(
            anchors,
            predictions.cls_logits.split(counts, dim=1),
            labels,
            distances.split(counts, dim=1),
            boxes,
            predictions.objectness_logits.split(counts, dim=1),
        )


def calls_of(batch: Batch, image_size: tuple[int, int]) -> dict[str, Callable[[], None]]:
    """Forward and backward of every scheme, and of Detectron2's FCOS."""
    predictions = vars(batch.predictions).values()

    def call(losses_of: Callable[[], dict[str, Tensor]]) -> None:
        for x in predictions:
            x.grad = None
        sum(losses_of().values()).backward()

    device = batch.predictions.cls_logits.device
    model = detectron2_fcos(batch.predictions.cls_logits.shape[2]).to(device)
    known = detectron2_anchors(image_size, device), instances_of(batch, image_size), batch
    losses = {
        name: lambda scheme=scheme, loss=loss: loss(scheme(batch), batch)
        for name, (scheme, loss) in SCHEMES.items()
    }
    losses["FCOS of Detectron2"] = lambda: detectron2_losses(model, *known)
    return {name: lambda one=one: call(one) for name, one in losses.items()}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--num-gts", type=int, nargs="+", default=(7, 50, 200), metavar="M")
    parser.add_argument("--num-images", type=int, default=2)
    parser.add_argument("--num-classes", type=int, default=80)
    parser.add_argument("--repeats", type=int, default=7)


def run(args: argparse.Namespace) -> None:
    image_size = tuple(args.image_size)
    cells = {}
    for num_gt in args.num_gts:
        batch = random_batch(
            num_gt,
            num_images=args.num_images,
            num_classes=args.num_classes,
            image_size=image_size,
            device=args.device,
        )
        calls = calls_of(batch, image_size)
        seconds = median_seconds(calls, args.repeats)
        for name, call in calls.items():
            for x in vars(batch.predictions).values():
                x.grad = None
            with PeakAllocations(vars(batch.predictions).values()) as peak:
                call()
            cells.setdefault(name, []).append(f"{ms(seconds[name])}, {mib(peak.bytes)}")
    print_table(
        f"Losses of {args.num_images} x {image_size[0]} x {image_size[1]}, {args.num_classes} "
        "classes: median time, most memory of tensors",
        ("", *(f"{num_gt:,} objects" for num_gt in args.num_gts)),
        [(name, *row) for name, row in cells.items()],
    )
