import math

import pytest
import torch
from oracles.geometry import sigmoid
from scenes import batch_of, one_level_scene, random_scene, with_gradient

from dual_weighting.assignment import Assignment, DualWeighting, WeightedCandidates
from dual_weighting.assignment.weighting_functions import TABLE_1
from dual_weighting.losses import DualWeightingLoss, WeightedCandidatesLoss


def candidates(w_pos, w_neg, t):
    """Four points of which the first two are candidates of one ground truth."""
    pair = {"point": torch.tensor([0, 1]), "gt": torch.tensor([0, 0]), "box": torch.zeros(2)}
    weights = {"positive": w_pos, "negative": w_neg, "target": t}
    return Assignment(**pair, **{name: torch.tensor(x) for name, x in weights.items()})


def scene_by_hand():
    return one_level_scene([[1.0] * 4] * 4, [[0.0, 0, 16, 8]], [0], num_classes=1)


def test_by_hand():
    """Scores of 1/4. The targets sum up to 1.5; two points are background."""
    assignment = candidates([0.5, 0.25], [0.1, 0.2], [0.75, 0.75])
    losses = WeightedCandidatesLoss()(assignment, batch_of(scene_by_hand()))
    assert losses["loss_cls_pos"].item() == pytest.approx(0.75 * math.log(4) / 1.5)
    background = 2 / 16
    assert losses["loss_cls_neg"].item() == pytest.approx(
        (0.3 + background) * math.log(4 / 3) / 1.5
    )
    assert losses["loss_loc"] == 0


@pytest.mark.parametrize("t", [0.25, 0.75])
def test_no_slope_where_score_and_target_are_equal(t):
    """w_pos and w_neg like t and 1 - t, as GFL and VFL have them: a score of 1/4 stays or grows."""
    assignment = candidates([0.3 * t] * 2, [0.3 * (1 - t)] * 2, [t, t])
    scene = with_gradient(scene_by_hand())
    losses = WeightedCandidatesLoss()(assignment, batch_of(scene))
    sum(losses.values()).backward()
    slope = scene["cls_logits"].grad[0, :2, 0]
    if t == 0.25:
        assert slope.tolist() == pytest.approx([0, 0], abs=1e-7)
    else:
        assert (slope < 0).all()


@pytest.mark.parametrize("name", TABLE_1)
def test_equals_a_loop(name):
    """Also where ground truths of one class share points: the smallest weight counts, once."""
    scene = random_scene(1, num_gt=(7, 4), num_classes=2)
    batch = batch_of(scene)
    assignment = WeightedCandidates(name)(batch)
    losses = WeightedCandidatesLoss()(assignment, batch)

    targets, grid = batch.targets, batch.grid
    weights = {}
    positives = 0.0
    for k, (point, m) in enumerate(zip(assignment.point, assignment.gt, strict=True)):
        n, r, c = *divmod(int(point), len(grid)), int(targets.classes[m])
        w_neg = float(assignment.negative[k])
        weights[n, r, c] = min(w_neg, weights.get((n, r, c), 1.0))
        s = score(scene, n, r, c)
        positives += float(assignment.positive[k]) * -math.log(s)
    assert len(weights) < len(assignment.point)
    negatives = 0.0
    for n, r, c in torch.cartesian_prod(
        torch.arange(2), torch.arange(len(grid)), torch.arange(2)
    ).tolist():
        s = score(scene, n, r, c)
        negatives += weights.get((n, r, c), s**2) * -math.log(1 - s)
    divisor = float(assignment.target.sum())
    assert losses["loss_cls_pos"].item() == pytest.approx(positives / divisor, rel=1e-4)
    assert losses["loss_cls_neg"].item() == pytest.approx(negatives / divisor, rel=1e-4)
    dw = DualWeightingLoss()(DualWeighting()(batch), batch)
    assert losses["loss_loc"].item() == pytest.approx(dw["loss_loc"].item(), rel=1e-5)


def score(scene, n, r, c):
    logits = float(scene["cls_logits"][n, r, c]), float(scene["objectness_logits"][n, r, 0])
    return sigmoid(logits[0]) * sigmoid(logits[1])


def test_ignored_points_are_no_negatives():
    """Point 0, a candidate, and point 2, background; they stay positives."""
    assignment = candidates([0.5, 0.25], [0.1, 0.2], [0.75, 0.75])
    ignored = torch.tensor([True, False, True, False])
    batches = (batch_of(scene_by_hand(), ignored=x) for x in (None, ignored))
    plain, found = (WeightedCandidatesLoss()(assignment, batch) for batch in batches)
    assert found["loss_cls_pos"] == plain["loss_cls_pos"]
    expected = (0.2 + 1 / 16) * math.log(4 / 3) / 1.5
    assert found["loss_cls_neg"].item() == pytest.approx(expected)


@pytest.mark.parametrize("name", TABLE_1)
@pytest.mark.parametrize("num_gt", [(0, 0), (0, 3), (40, 0)])
def test_gradients(name, num_gt):
    scene = with_gradient(random_scene(0, num_gt=num_gt))
    batch = batch_of(scene)
    losses = WeightedCandidatesLoss()(WeightedCandidates(name)(batch), batch)
    sum(losses.values()).backward()
    grads = [scene[key].grad for key in ("cls_logits", "box_distances", "objectness_logits")]
    assert all(grad.isfinite().all() for grad in grads)
    assert grads[0].abs().min() > 0 or sum(num_gt)
    if not sum(num_gt):
        assert losses["loss_cls_pos"] == losses["loss_loc"] == 0 < losses["loss_cls_neg"]


@pytest.mark.parametrize("change", [{"beta": 2.0}, {"gamma2": 1.0}, {"box_loss_weight": 1.0}])
def test_every_hyperparameter_has_an_effect(change):
    batch = batch_of(random_scene(0))
    assignment = WeightedCandidates("vfl")(batch)
    plain, changed = (
        WeightedCandidatesLoss(**kwargs)(assignment, batch) for kwargs in ({}, change)
    )
    assert [k for k in plain if plain[k] != changed[k]] == [
        "loss_cls_neg" if "gamma2" in change else "loss_loc"
    ]
