import math

import pytest
import torch
from fvcore.nn import sigmoid_focal_loss
from scenes import batch_of, one_level_scene, random_scene, with_gradient

from dual_weighting.assignment import Assignment
from dual_weighting.losses.focal import focal_loss


def assigned(point, gt):
    """These pairs as positives, as a scheme without soft weights has them."""
    point, gt = (torch.tensor(x, dtype=torch.long) for x in (point, gt))
    one = torch.ones(len(point))
    return Assignment(point, gt, positive=one, negative=0 * one, box=one)


def test_by_hand():
    """Eight scores of 1/2, one of them a positive."""
    scene = one_level_scene([[1.0] * 4] * 4, [[0.0, 0, 16, 8]], [1])
    loss = focal_loss(assigned([2], [0]), batch_of(scene), alpha=0.25, gamma=2.0)
    assert loss.item() == pytest.approx((0.25 + 7 * 0.75) * 0.25 * math.log(2))


@pytest.mark.parametrize("gamma", [0.0, 1.5, 2.0])
def test_equals_that_of_fvcore(gamma):
    """Value and gradient, on a table of targets; pairs with weight 0 are negatives."""
    scene = with_gradient(random_scene(0, num_gt=(3, 2), num_classes=4))
    batch = batch_of(scene)
    point = [5, 80, 81, len(batch.grid) + 7, 9]
    assignment = assigned(point, [0, 1, 1, 4, 2])
    assignment.positive[4], assignment.negative[4] = 0.0, 1.0
    loss = focal_loss(assignment, batch, alpha=0.25, gamma=gamma)
    table = torch.zeros(batch.num_points, 4)
    table[point[:4], batch.targets.classes[[0, 1, 1, 4]]] = 1
    logits = scene["cls_logits"]
    expected = sigmoid_focal_loss(logits, table.view_as(logits), 0.25, gamma, reduction="sum")
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-5)
    grad, expected_grad = (torch.autograd.grad(x, logits)[0] for x in (loss, expected))
    torch.testing.assert_close(grad, expected_grad, rtol=1e-4, atol=1e-6)


def test_nothing_assigned():
    """Everything is a negative; objectness is in no score and has no part in it."""
    scene = with_gradient(random_scene(0, num_gt=(0, 0)))
    loss = focal_loss(assigned([], []), batch_of(scene), alpha=0.25, gamma=2.0)
    loss.backward()
    assert loss > 0 and scene["cls_logits"].grad.abs().min() > 0
    assert scene["objectness_logits"].grad is None
