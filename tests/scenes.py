"""Random inputs of a loss call, small enough for the oracles."""

import torch

from dual_weighting.assignment import PointGrid

IMAGE_SIZE = (64, 96)
STRIDES = (8, 16, 32)


def random_boxes(count, generator, image_size=IMAGE_SIZE, low=6.0, high=60.0):
    """(count, 4) boxes inside the image, some touch its border."""
    height, width = image_size
    size = low + (high - low) * torch.rand(count, 2, generator=generator)
    center = torch.rand(count, 2, generator=generator) * torch.tensor([width, height])
    boxes = torch.cat((center - size / 2, center + size / 2), dim=1)
    boxes[:, 0::2] = boxes[:, 0::2].clamp(0, width)
    boxes[:, 1::2] = boxes[:, 1::2].clamp(0, height)
    return boxes


def random_scene(seed, num_gt=(3, 2), num_classes=3, image_size=IMAGE_SIZE, strides=STRIDES):
    """Keyword arguments of `dw_losses`. Predicted boxes are near a ground truth at many points."""
    generator = torch.Generator().manual_seed(seed)
    grid = PointGrid.from_image(image_size, strides)
    shape = (len(num_gt), len(grid))
    boxes = [random_boxes(count, generator, image_size) for count in num_gt]
    classes = [torch.randint(num_classes, (count,), generator=generator) for count in num_gt]
    distances = grid.strides[:, None] * 3 * torch.rand(*shape, 4, generator=generator)
    for n, gt_boxes in enumerate(boxes):
        for box in gt_boxes:
            sides = torch.cat((grid.centers - box[:2], box[2:] - grid.centers), dim=1)
            inside = sides.amin(dim=1) > 0
            noise = 0.8 + 0.4 * torch.rand(sides.shape, generator=generator)
            distances[n, inside] = (sides * noise)[inside]
    return {
        "cls_logits": torch.randn(*shape, num_classes, generator=generator) - 1,
        "box_distances": distances,
        "objectness_logits": torch.randn(*shape, 1, generator=generator),
        "gt_boxes": boxes,
        "gt_classes": classes,
        "image_size": image_size,
        "strides": strides,
    }


INPUTS = ("cls_logits", "box_distances", "objectness_logits")


def with_gradient(scene):
    """The same scene, whose predictions are leaves that require a gradient."""
    return scene | {name: scene[name].clone().requires_grad_() for name in INPUTS}
