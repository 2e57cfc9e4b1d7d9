"""FCOS against Detectron2's, ATSS against tables of all points by all ground truths."""

import pytest
import torch
from benchmarks.losses import (
    STRIDES,
    detectron2_anchors,
    detectron2_fcos,
    detectron2_losses,
    instances_of,
)
from detectron2.structures import Boxes, Instances
from scenes import random_boxes
from torchvision.ops import box_iou

from dual_weighting.assignment import (
    AdaptiveSelection,
    Batch,
    CenterSampling,
    GroundTruths,
    PointGrid,
    Predictions,
)
from dual_weighting.losses import CenternessLoss

IMAGE_SIZE = (320, 448)
NUM_CLASSES = 4
GRID = PointGrid.from_image(IMAGE_SIZE, STRIDES)
ANCHORS = detectron2_anchors(IMAGE_SIZE, torch.device("cpu"))


def scene(seed, num_gt=12):
    """Boxes of 4 to 400 pixels; of odd seeds whole pixels, where distances hit the limits."""
    generator = torch.Generator().manual_seed(seed)
    boxes = random_boxes(num_gt, generator, IMAGE_SIZE, low=4.0, high=400.0)
    if seed % 2:
        boxes = boxes.round()
    return boxes, torch.randint(NUM_CLASSES, (num_gt,), generator=generator), generator


def random_predictions(generator):
    shape = (1, len(GRID))
    return Predictions(
        torch.randn(*shape, NUM_CLASSES, generator=generator),
        GRID.strides[:, None] * 4 * torch.rand(*shape, 4, generator=generator),
        torch.randn(*shape, 1, generator=generator),
    )


def labels_of(assignment, targets):
    """Class (the number of classes for background) and box of every point."""
    labels = torch.full((len(GRID),), NUM_CLASSES)
    boxes = torch.zeros(len(GRID), 4)
    chosen = assignment.positive > 0
    labels[assignment.point[chosen]] = targets.classes[assignment.gt[chosen]]
    boxes[assignment.point[chosen]] = targets.boxes[assignment.gt[chosen]]
    return labels, boxes


@pytest.mark.parametrize("num_gt", [12, 60])
@pytest.mark.parametrize("first", range(0, 100, 20))
def test_fcos_gives_the_labels_of_detectron2(first, num_gt):
    fcos = detectron2_fcos(NUM_CLASSES)
    for seed in range(first, first + 20):
        boxes, classes, generator = scene(seed, num_gt)
        instances = Instances(IMAGE_SIZE, gt_boxes=Boxes(boxes), gt_classes=classes)
        (expected_labels,), (expected_boxes,) = fcos.label_anchors(ANCHORS, [instances])
        targets = GroundTruths.from_images([boxes], [classes])
        assignment = CenterSampling()(Batch(random_predictions(generator), targets, GRID))
        labels, found_boxes = labels_of(assignment, targets)
        assert torch.equal(labels, expected_labels)
        positive = labels < NUM_CLASSES
        assert positive.any()
        assert torch.equal(found_boxes[positive], expected_boxes[positive])


def fcos_owner(boxes):
    """Ground truth of the point in the middle of cell (2, 2) of the first level."""
    targets = GroundTruths.from_images([torch.tensor(boxes)], [torch.arange(len(boxes))])
    predictions = random_predictions(torch.Generator())
    assignment = CenterSampling()(Batch(predictions, targets, GRID))
    at_point = assignment.point == 2 * IMAGE_SIZE[1] // 8 + 2
    return assignment.gt[at_point & (assignment.positive > 0)].tolist()


def test_fcos_limits():
    """The point (20, 20): 12 pixels are 1.5 strides, 64 are too far for the first level, a side
    through the point does not have it inside."""
    assert fcos_owner([[8.5, 8, 55, 40]]) == [0]
    assert fcos_owner([[8.0, 8, 56, 40]]) == []
    assert fcos_owner([[0.0, 0, 40, 83.5]]) == []  # its centre is too far
    assert fcos_owner([[0.0, 0, 40, 63.5]]) == [0]
    assert fcos_owner([[-43.5, 0, 83.5, 40]]) == [0]
    assert fcos_owner([[-44.0, 0, 83.5, 40]]) == []
    assert fcos_owner([[20.0, 0, 40, 40]]) == []
    assert fcos_owner([[19.5, 0, 40, 40]]) == [0]


def test_fcos_smallest_box():
    """1600 and 1597 square pixels are equal in float32 once they are subtracted from 1e8."""
    small, large, nearly = [0.0, 0, 40, 30], [0.0, 0, 40, 40], [0.0, 0, 40, 39.925]
    assert fcos_owner([large, small]) == [1] and fcos_owner([small, large]) == [0]
    assert fcos_owner([large, nearly]) == [0] and fcos_owner([nearly, large]) == [0]


@pytest.mark.parametrize("seed", range(5))
def test_fcos_gives_the_losses_of_detectron2(seed):
    """And their gradients."""
    boxes, classes, generator = scene(seed)
    predictions = random_predictions(generator)
    inputs = [x.requires_grad_() for x in vars(predictions).values()]
    batch = Batch(predictions, GroundTruths.from_images([boxes], [classes]), GRID)
    losses = CenternessLoss()(CenterSampling()(batch), batch)
    expected = detectron2_losses(
        detectron2_fcos(NUM_CLASSES), ANCHORS, instances_of(batch, IMAGE_SIZE), batch
    )
    for name, other in (("cls", "cls"), ("bbox", "loc"), ("centerness", "ctr")):
        assert losses[f"loss_{name}"].item() == pytest.approx(
            expected[f"loss_fcos_{other}"].item(), rel=1e-5
        )
    grads, expected_grads = (
        torch.autograd.grad(sum(x.values()), inputs) for x in (losses, expected)
    )
    for grad, expected_grad in zip(grads, expected_grads, strict=True):
        torch.testing.assert_close(grad, expected_grad, rtol=1e-4, atol=1e-6)


def atss_by_tables(boxes, k=9):
    """Ground truth of every point, -1 for none."""
    priors = torch.cat((GRID.centers, GRID.centers), 1) + 4 * GRID.strides[:, None] * torch.tensor(
        [-1.0, -1, 1, 1]
    )
    iou = box_iou(priors, boxes)
    centers = (boxes[:, :2] + boxes[:, 2:]) / 2
    distance = torch.cdist(GRID.centers.double(), centers.double())
    owner, owner_iou = torch.full((len(GRID),), -1), torch.zeros(len(GRID))
    for m, box in enumerate(boxes):
        bag = []
        for start, (w, h) in zip(
            GRID.level_starts.tolist(), GRID.level_sizes.tolist(), strict=True
        ):
            level = distance[start : start + w * h, m]
            bag += (level.argsort(stable=True)[:k] + start).tolist()
        threshold = iou[bag, m].mean() + iou[bag, m].std()
        for r in bag:
            x, y = GRID.centers[r]
            inside = box[0] < x < box[2] and box[1] < y < box[3]
            if inside and iou[r, m] >= threshold and iou[r, m] > owner_iou[r]:
                owner[r], owner_iou[r] = m, iou[r, m]
    return owner


@pytest.mark.parametrize("seed", range(10))
def test_atss_equals_the_tables(seed):
    boxes, classes, generator = scene(seed)
    targets = GroundTruths.from_images([boxes], [classes])
    assignment = AdaptiveSelection()(Batch(random_predictions(generator), targets, GRID))
    owner = torch.full((len(GRID),), -1)
    chosen = assignment.positive > 0
    owner[assignment.point[chosen]] = assignment.gt[chosen]
    assert torch.equal(owner, atss_by_tables(boxes)) and chosen.any()


def test_weights_by_hand():
    """The point (12, 20) in the box (8, 8, 24, 32): centerness sqrt(4/12 * 12/12). FCOS weighs all
    boxes alike, ATSS by centerness."""
    targets = GroundTruths.from_images([torch.tensor([[8.0, 8, 24, 32]])], [torch.tensor([0])])
    predictions = random_predictions(torch.Generator())
    point = 2 * IMAGE_SIZE[1] // 8 + 1
    for scheme, box in ((CenterSampling(), 1.0), (AdaptiveSelection(prior_scale=2.0), 3**-0.5)):
        assignment = scheme(Batch(predictions, targets, GRID))
        (k,) = (assignment.point == point).nonzero()[:, 0].tolist()
        assert (assignment.positive[k], assignment.negative[k]) == (1, 0)
        assert assignment.target[k].item() == pytest.approx(3**-0.5)
        assert assignment.box[k].item() == pytest.approx(box)


@pytest.mark.parametrize("scheme", [CenterSampling(), AdaptiveSelection()], ids=["fcos", "atss"])
@pytest.mark.parametrize("num_gt", [0, 3])
def test_losses_are_attached(scheme, num_gt):
    boxes, classes, generator = scene(0)
    predictions = random_predictions(generator)
    arrays = (predictions.cls_logits, predictions.box_distances, predictions.objectness_logits)
    for x in arrays:
        x.requires_grad_()
    targets = GroundTruths.from_images([boxes[:num_gt]], [classes[:num_gt]])
    assignment = scheme(Batch(predictions, targets, GRID))
    losses = CenternessLoss()(assignment, Batch(predictions, targets, GRID))
    sum(losses.values()).backward()
    assert all(torch.isfinite(x.grad).all() for x in arrays)
    if num_gt == 0:
        assert losses["loss_bbox"] == losses["loss_centerness"] == 0 < losses["loss_cls"]
