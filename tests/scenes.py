"""Inputs of a loss call: random ones small enough for the oracles, by hand, and golden ones."""

from pathlib import Path

import numpy as np
import torch

from dual_weighting.assignment import Batch, GroundTruths, PointGrid, Predictions

IMAGE_SIZE = (64, 96)
STRIDES = (8, 16, 32)
INPUTS = ("cls_logits", "box_distances", "objectness_logits")
GOLDEN = Path(__file__).parent / "golden"


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
    """Arguments that all losses take. Predicted boxes are near a ground truth at many points."""
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


def one_level_scene(distances, gt_boxes, gt_classes, num_classes=2):
    """Four points, (4, 4), (12, 4), (4, 12), (12, 12), and all scores 1/4."""
    return {
        "cls_logits": torch.zeros(1, 4, num_classes),
        "box_distances": torch.tensor([distances]),
        "objectness_logits": torch.zeros(1, 4, 1),
        "gt_boxes": [torch.tensor(gt_boxes)],
        "gt_classes": [torch.tensor(gt_classes)],
        "image_size": (16, 16),
        "strides": (8,),
    }


def load_golden(name):
    """The scene of a golden loss call and all arrays of its file, by name."""
    arrays = np.load(GOLDEN / f"{name}.npz")
    scene = {name: torch.from_numpy(arrays[name]) for name in INPUTS} | {
        "gt_boxes": [torch.from_numpy(arrays[f"gt_boxes_{n}"]) for n in range(2)],
        "gt_classes": [torch.from_numpy(arrays[f"gt_classes_{n}"]) for n in range(2)],
        "image_size": tuple(arrays["image_size"].tolist()),
        "strides": arrays["strides"].tolist(),
    }
    return scene, arrays


def batch_of(scene, progress=0.0, ignored=None):
    """A scene as a scheme and its losses take it."""
    predictions = Predictions(*(scene[name] for name in INPUTS))
    targets = GroundTruths.from_images(scene["gt_boxes"], scene["gt_classes"])
    device = scene["cls_logits"].device
    grid = PointGrid.from_image(scene["image_size"], scene["strides"], device)
    return Batch(predictions, targets, grid, progress, ignored)


def with_gradient(scene):
    """The same scene, whose predictions are leaves that require a gradient."""
    return scene | {name: scene[name].clone().requires_grad_() for name in INPUTS}
