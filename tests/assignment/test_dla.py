import math

import pytest
import torch
from oracles import dla
from oracles.geometry import points_of
from scenes import batch_of, one_level_scene, random_scene

from dual_weighting.assignment import DynamicLabelAssignment
from dual_weighting.assignment.formulas import geometric_share


def assign(scene, progress=0.0, **hyperparameters):
    batch = batch_of(scene, progress)
    return DynamicLabelAssignment(**hyperparameters)(batch), batch.targets, batch.grid


@pytest.mark.parametrize("epoch", [0, 6, 12])
def test_share_of_the_geometric_score(epoch):
    """alpha = (1 - 0.9) e^(-epoch / sqrt(12)) + 0.9; in a scheme the epoch comes from progress."""
    alpha = {0: 1.0, 6: 0.9176921, 12: 0.9031302}[epoch]
    assert geometric_share(epoch, 12, 1.0, 0.9) == pytest.approx(alpha, abs=1e-7)
    assert geometric_share(epoch, 12, 0.8, 0.8) == pytest.approx(0.8)
    # One point predicts all of its ground truth at score 1/2: g = (IoU_prior + 1) / 2.
    scene = one_level_scene([[4.0, 4, 4, 4]] * 4, [[0.0, 0, 8, 8]], [0])
    prior = 64 / 64**2  # 8 x 8 pixels of 64 x 64
    assignment, _, _ = assign(scene, epoch / 12, epochs=12)
    expected = (1 - alpha) / 2 + alpha * (prior + 1) / 2
    assert assignment.target.tolist() == pytest.approx([expected, 0, 0, 0])


def test_by_hand():
    """Prior of 1 stride, that is the cell. Scores 1/2 everywhere, alpha 1: a = (prior + pred) / 2.

    Box (0, 0, 16, 8), bag of the nearest: points 0 and 1, whose cells are half of it. Point 0
    predicts it exactly, point 1 half of it: a = 3/4 and 1/2, mean 5/8, deviation sqrt(1/32) = 0.18.
    None is above it. With a third candidate, of a = 0, the mean is 5/12 and the deviation 0.38.
    """
    scene = one_level_scene(
        [[4.0, 4, 12, 4], [4, 4, 4, 4], [4, 4, 4, 4], [4, 4, 4, 4]], [[0.0, 0, 16, 8]], [1]
    )
    assignment, _, _ = assign(scene, k=2, prior_scale=1.0)
    assert assignment.point.tolist() == [0, 1] and not assignment.positive.any()
    assignment, _, _ = assign(scene, k=3, prior_scale=1.0, gamma=2.0)
    assert assignment.point.tolist() == [0, 1, 2] and assignment.gt.tolist() == [0, 0, 0]
    # sample deviation of 3/4, 1/2, 0: sqrt((1/9 + 1/144 + 25/144) / 2) = 0.38; 0.80 > 3/4
    assert not assignment.positive.any()
    assignment, _, _ = assign(scene, k=4, prior_scale=1.0, gamma=2.0)
    # 3/4, 1/2, 0, 0: mean 5/16, deviation 0.375, 0.69 < 3/4
    assert assignment.positive.tolist() == [1, 0, 0, 0]
    assert assignment.negative.tolist() == [0, 1, 1, 1]
    assert assignment.target.tolist() == pytest.approx([0.75, 0, 0, 0])
    assert assignment.box.tolist() == pytest.approx([0.75**2, 0, 0, 0])


def test_outside_the_box_is_no_positive():
    """Point 3 has the largest metric by far and is not inside the box, points 0 to 2 have equal."""
    distances = [[0.0, 0, 0, 0]] * 3 + [[12.0, 12, -2, -2]]  # (0, 0, 10, 10) from (12, 12)
    scene = one_level_scene(distances, [[0.0, 0, 10, 10]], [0])
    assignment, _, _ = assign(scene)
    assert not assignment.positive.any() and not assignment.box.any()
    scene["gt_boxes"] = [torch.tensor([[0.0, 0, 13, 13]])]
    assignment, _, _ = assign(scene)
    assert assignment.point[assignment.positive > 0].tolist() == [3]


def test_contested_points_go_to_the_larger_metric():
    """Both want point 0, which predicts the second box."""
    distances = [[4.0, 4, 4, 4]] + [[0.0] * 4] * 3  # (0, 0, 8, 8) from (4, 4)
    boxes = [[0.0, 0, 12, 8], [0, 0, 8, 8]]
    for order in ([0, 1], [1, 0]):
        scene = one_level_scene(distances, [boxes[m] for m in order], [0, 0])
        assignment, _, _ = assign(scene)
        positive = assignment.positive > 0
        assert assignment.point[positive].tolist() == [0]
        assert assignment.gt[positive].tolist() == [order.index(1)]


def test_same_box_twice():
    distances = [[4.0, 4, 4, 4]] + [[0.0] * 4] * 3
    assignment, _, _ = assign(one_level_scene(distances, [[0.0, 0, 8, 8]] * 2, [1, 1]))
    assert assignment.gt[assignment.positive > 0].tolist() == [0]


def test_equal_metrics():
    """None is above the mean."""
    scene = one_level_scene([[0.0] * 4] * 4, [[0.0, 0, 16, 16]], [0])
    assert not assign(scene)[0].positive.any()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("k", [5, 10])
def test_oracle(seed, k):
    """Bag, positives, owners and metrics, one ground truth at a time."""
    scene = random_scene(seed, num_gt=(7, 0, 3), num_classes=2)
    assignment, _, grid = assign(scene, progress=0.5, k=k)
    points = points_of(scene["image_size"], scene["strides"])
    bags = {(p.item(), m.item()) for p, m in zip(assignment.point, assignment.gt, strict=True)}
    alpha = 0.1 * math.exp(-6 / math.sqrt(12)) + 0.9
    expected_bags, expected = set(), {}
    first = 0
    for n, (boxes, classes) in enumerate(zip(scene["gt_boxes"], scene["gt_classes"], strict=True)):
        boxes, classes = boxes.double().tolist(), classes.tolist()
        for m, box in enumerate(boxes):
            bag = dla.bag_of(box, points, k)
            expected_bags |= {(n * len(grid) + r, first + m) for r in bag}
        decoded = dla.decoded(
            scene["cls_logits"][n].double().tolist(),
            scene["box_distances"][n].double().tolist(),
            points,
        )
        owners = dla.owners_of(boxes, classes, *decoded, points, alpha, k=k)
        expected |= {(n * len(grid) + r, first + m): metric for r, (m, metric) in owners.items()}
        first += len(boxes)
    assert bags == expected_bags
    positive = assignment.positive > 0
    found = {
        (p.item(), m.item()): t.item()
        for p, m, t in zip(
            assignment.point[positive],
            assignment.gt[positive],
            assignment.target[positive],
            strict=True,
        )
    }
    assert len(found) >= 5 and found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_contract(seed):
    """What every reader of an assignment relies on."""
    assignment, targets, grid = assign(random_scene(seed, num_gt=(9, 0, 3)), progress=0.5)
    positive = assignment.positive > 0
    owned = assignment.point[positive]
    assert len(owned.unique()) == len(owned) > 0, "a point of two ground truths"
    centers, boxes = grid.centers[owned % len(grid)], targets.boxes[assignment.gt[positive]]
    assert (centers > boxes[:, :2]).all() and (centers < boxes[:, 2:]).all()
    assert torch.equal(assignment.point // len(grid), targets.image[assignment.gt])
    assert torch.equal(positive, assignment.negative == 0)
    assert torch.equal(positive, assignment.box > 0)
    assert torch.equal(positive, assignment.target > 0)
    assert torch.equal(assignment.box, assignment.target)  # gamma 1
    assert not any(x.requires_grad for x in vars(assignment).values() if x is not None)


def test_objectness_has_no_part():
    scene = random_scene(0)
    plain, _, _ = assign(scene)
    changed, _, _ = assign(scene | {"objectness_logits": scene["objectness_logits"] + 3})
    assert torch.equal(plain.target, changed.target)
