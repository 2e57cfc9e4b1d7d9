import math

import pytest
import torch
from scenes import batch_of, one_level_scene, random_scene

from dual_weighting.assignment import Assignment, OneToFew
from dual_weighting.losses import OneToFewLoss
from dual_weighting.losses.o2f import soft_target_loss


def test_soft_target_loss_by_hand():
    """-t ln s - (1 - t) ln(1 - s) at s = 1/4."""
    log_s = torch.tensor([0.25, 0.25, 0.25]).log()
    loss = soft_target_loss(log_s, torch.tensor([0, 1, 0.5]))
    expected = [-math.log(0.75), -math.log(0.25), -math.log(0.25 * 0.75) / 2]
    assert loss.tolist() == pytest.approx(expected)


def by_hand(**hyperparameters):
    """Four points, two classes, all scores 1/4. Points 0 and 1 learn class 0 of a 16 x 8 box,
    which point 0 predicts exactly and point 1 by half."""
    scene = one_level_scene(
        [[4.0, 4, 12, 4], [4, 4, 4, 4], [1, 1, 1, 1], [1, 1, 1, 1]], [[0.0, 0, 16, 8]], [0]
    )
    assignment = Assignment(
        point=torch.tensor([0, 1]),
        gt=torch.tensor([0, 0]),
        positive=torch.tensor([1.0, 0.4]),
        negative=torch.tensor([0.0, 0]),
        box=torch.tensor([0.75, 0.25]),
        target=torch.tensor([1.0, 0.5]),
    )
    return OneToFewLoss(**hyperparameters)(assignment, batch_of(scene))


def test_losses_by_hand():
    losses = by_hand()
    positives = -math.log(0.25) - 0.4 * math.log(0.25 * 0.75) / 2
    negatives = 0.75 * 6 * -math.log(0.75) / 16  # six of the eight entries
    assert losses["loss_cls"].item() == pytest.approx((positives + negatives) / 2)
    # GIoU 1 and 1/2: 2 * (0.25 * 0.5) / (0.75 + 0.25)
    assert losses["loss_bbox"].item() == pytest.approx(0.25)


@pytest.mark.parametrize(
    "change, name",
    [({"focal_alpha": 0.25}, "loss_cls"), ({"focal_gamma": 1.0}, "loss_cls"),
     ({"box_loss_weight": 1.0}, "loss_bbox"), ({"eps": 2.0}, "loss_bbox")],
)  # fmt: skip
def test_every_hyperparameter_has_an_effect(change, name):
    plain, changed = by_hand(), by_hand(**change)
    assert {key for key in plain if plain[key] != changed[key]} == {name}


def test_soft_points_without_weight_still_count():
    """They are no negatives: a weight of 0 takes them out of the loss, not out of its divisor."""
    batch = batch_of(random_scene(0))
    with_weight, without = (OneToFew(soft_weight=weight)(batch) for weight in (0.4, 0.0))
    assert torch.equal(with_weight.negative, without.negative)
    losses = [OneToFewLoss()(x, batch) for x in (with_weight, without)]
    assert losses[0]["loss_bbox"] == losses[1]["loss_bbox"]
    num_assigned = (with_weight.negative == 0).sum()
    log_s = batch.scores_at(with_weight.point, with_weight.gt).log()
    soft = with_weight.positive == torch.tensor(0.4)
    difference = 0.4 * soft_target_loss(log_s, with_weight.target)[soft].sum() / num_assigned
    torch.testing.assert_close(losses[0]["loss_cls"] - losses[1]["loss_cls"], difference)
