import math

import pytest
import torch
from scenes import batch_of, one_level_scene

from dual_weighting.assignment import Assignment
from dual_weighting.losses import DynamicLabelAssignmentLoss
from dual_weighting.losses.dla import metric_loss


def test_metric_loss_by_hand():
    """c = 1/2 towards a = 1/4: (1/4)^2 ln 2; towards 0: (1/2)^2 ln 2; towards 1/2: nothing."""
    loss = metric_loss(torch.zeros(3), torch.tensor([0.25, 0, 0.5]), gamma=2.0)
    assert loss.tolist() == pytest.approx([math.log(2) / 16, math.log(2) / 4, 0])


def by_hand(**hyperparameters):
    """Four points, two classes, all scores 1/2. Points 0 and 1 learn class 0 of a 16 x 8 box, which
    point 0 predicts exactly and point 1 by half; point 2 is a candidate that was not assigned."""
    scene = one_level_scene(
        [[4.0, 4, 12, 4], [4, 4, 4, 4], [1, 1, 1, 1], [1, 1, 1, 1]], [[0.0, 0, 16, 8]], [0]
    )
    assignment = Assignment(
        point=torch.tensor([0, 1, 2]),
        gt=torch.tensor([0, 0, 0]),
        positive=torch.tensor([1.0, 1, 0]),
        negative=torch.tensor([0.0, 0, 1]),
        box=torch.tensor([0.75, 0.25, 0]),
        target=torch.tensor([0.75, 0.25, 0]),
    )
    return DynamicLabelAssignmentLoss(**hyperparameters)(assignment, batch_of(scene))


def test_losses_by_hand():
    losses = by_hand()
    # 2 of the 8 entries are positives; two positives divide
    assert losses["loss_cls"].item() == pytest.approx((2 * 0.25 + 6 * 0.75) * math.log(2) / 4 / 2)
    # GIoU 1 and 1/2: 2 * (0.25 * 0.5) / (0.75 + 0.25)
    assert losses["loss_bbox"].item() == pytest.approx(0.25)
    assert losses["loss_metric"].item() == pytest.approx((2 / 16 + 2 / 4) * math.log(2) / 2)


@pytest.mark.parametrize(
    "change, names",
    [({"focal_alpha": 0.5}, {"loss_cls"}), ({"focal_gamma": 1.0}, {"loss_cls", "loss_metric"}),
     ({"box_loss_weight": 1.0}, {"loss_bbox"}), ({"metric_loss_weight": 2.0}, {"loss_metric"}),
     ({"eps": 2.0}, {"loss_bbox"})],
)  # fmt: skip
def test_every_hyperparameter_has_an_effect(change, names):
    plain, changed = by_hand(), by_hand(**change)
    assert {key for key in plain if plain[key] != changed[key]} == names
