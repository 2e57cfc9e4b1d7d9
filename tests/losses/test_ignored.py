"""Points inside regions to ignore: no negatives of any class, everything else unchanged."""

import math

import pytest
import torch
from all_schemes import SCHEMES
from scenes import batch_of, one_level_scene, random_scene, with_gradient

from dual_weighting.assignment import Assignment
from dual_weighting.assignment.points import PointGrid, points_inside
from dual_weighting.losses import OneToFewLoss

LOSSES_OF_POSITIVES = {
    "dw": {"loss_cls_pos", "loss_loc"},
    "o2f": {"loss_bbox"},
    "dla": {"loss_bbox"},
}
every_scheme = pytest.mark.parametrize("name", LOSSES_OF_POSITIVES)


def mask(total, *points):
    ignored = torch.zeros(total, dtype=torch.bool)
    ignored[list(points)] = True
    return ignored


def test_points_inside():
    """4 x 2 points on two images; (4, 4) of the first one, (4, 4) and (4, 12) of the second one."""
    grid = PointGrid.from_image((16, 16), (8,))
    boxes = torch.tensor([[0.0, 0, 8, 8], [0, 0, 8, 16], [0, 0, 5, 5], [12, 0, 13, 9]])
    inside = points_inside(boxes, torch.tensor([0, 1, 1, 0]), grid, num_images=2)
    # 12 is on the border of the last box, which is not inside.
    assert inside.nonzero().flatten().tolist() == [0, 4, 6]


def by_hand(ignored):
    """O2F's classification loss where all eight scores are 1/4 and point 0 learns class 0."""
    scene = one_level_scene([[4.0, 4, 12, 4]] * 4, [[0.0, 0, 16, 8]], [0])
    one = torch.ones(1)
    pair = torch.tensor([0]), torch.tensor([0])
    assignment = Assignment(*pair, one, 0 * one, one, target=one)
    return OneToFewLoss()(assignment, batch_of(scene, ignored=ignored))["loss_cls"].item()


@pytest.mark.parametrize(
    "points, num_negatives", [((), 7), ((3,), 5), ((0,), 6), ((0, 3), 4), ((0, 1, 2, 3), 0)]
)
def test_by_hand(points, num_negatives):
    """A positive stays one; the negatives of a point, two or the positive's other class, go."""
    expected = -math.log(1 / 4) + 0.75 * num_negatives * -math.log(3 / 4) / 16
    assert by_hand(mask(4, *points)) == pytest.approx(expected)
    if not points:
        assert by_hand(None) == pytest.approx(expected)


def losses_of(name, scene, ignored):
    scheme, losses = SCHEMES[name]
    batch = batch_of(scene, 0.5, ignored)
    assignment = scheme(batch)
    return losses(assignment, batch), assignment


@every_scheme
def test_ignored_points_learn_from_nothing_but_pairs(name):
    scene = with_gradient(random_scene(0))
    num_points = scene["cls_logits"].shape[:2].numel()
    ignored = torch.rand(num_points, generator=torch.Generator().manual_seed(0)) < 0.3
    losses, assignment = losses_of(name, scene, ignored)
    grads = torch.autograd.grad(sum(losses.values()), scene["cls_logits"])[0].flatten(0, 1)
    plain, _ = losses_of(name, scene, None)
    plain_grads = torch.autograd.grad(sum(plain.values()), scene["cls_logits"])[0].flatten(0, 1)
    positive = mask(num_points, *assignment.point[assignment.positive > 0].tolist())
    assert not grads[ignored & ~positive].any() and plain_grads[ignored & ~positive].all()
    assert grads[ignored & positive].any(dim=1).all() and (ignored & positive).any()
    torch.testing.assert_close(grads[~ignored], plain_grads[~ignored])
    same = {key for key in plain if torch.equal(plain[key], losses[key])}
    assert same == LOSSES_OF_POSITIVES[name]


@every_scheme
def test_objectness_of_ignored_points(name):
    """A branch that has no positive to learn from there learns nothing there either."""
    scene = with_gradient(random_scene(1, num_gt=(0, 0)))
    num_points = scene["cls_logits"].shape[:2].numel()
    losses, _ = losses_of(name, scene, mask(num_points, 3, 7))
    grad = torch.autograd.grad(sum(losses.values()), scene["objectness_logits"])[0].flatten()
    assert (grad == 0).nonzero().flatten().tolist() == [3, 7]


@every_scheme
def test_no_ignored_points_is_none(name):
    scene = random_scene(2)
    losses, _ = losses_of(name, scene, mask(scene["cls_logits"].shape[:2].numel()))
    plain, _ = losses_of(name, scene, None)
    assert all(torch.equal(losses[key], plain[key]) for key in plain)


@every_scheme
def test_everything_ignored(name):
    """Zero, attached to the graph."""
    scene = with_gradient(random_scene(3, num_gt=(0, 0)))
    ignored = torch.ones(scene["cls_logits"].shape[:2].numel(), dtype=torch.bool)
    losses, _ = losses_of(name, scene, ignored)
    total = sum(losses.values())
    grads = torch.autograd.grad(total, [scene["cls_logits"], scene["objectness_logits"]])
    assert total == 0 and not any(grad.any() for grad in grads)
