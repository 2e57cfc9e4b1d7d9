import math

import pytest
import torch
from scenes import batch_of, one_level_scene, random_scene

from dual_weighting.assignment import (
    Batch,
    DualWeighting,
    GroundTruths,
    PointGrid,
    Predictions,
    WeightedCandidates,
)
from dual_weighting.assignment.weighting_functions import TABLE_1

BATCH = batch_of(random_scene(0))


def single_point(distance):
    """One point in the middle of one box of 8 x 8 pixels, score 1/4."""
    zero, box = torch.zeros(1, 1, 1), torch.tensor([[0.0, 0, 8, 8]])
    predictions = Predictions(zero, torch.full((1, 1, 4), distance), zero)
    targets = GroundTruths.from_images([box], [torch.tensor([0])])
    return Batch(predictions, targets, PointGrid.from_image((8, 8), (8,)))


@pytest.mark.parametrize("name", TABLE_1)
def test_only_the_classification_differs_from_dw(name):
    ours, dw = WeightedCandidates(name)(BATCH), DualWeighting()(BATCH)
    assert torch.equal(ours.point, dw.point) and torch.equal(ours.gt, dw.gt)
    torch.testing.assert_close(ours.box, dw.box)
    assert not torch.allclose(ours.positive, dw.positive)
    assert torch.isfinite(ours.positive).all() and torch.isfinite(ours.negative).all()


def test_gfl_by_hand():
    """One point in the middle of one box, score 1/4, IoU 1: (3/4)^2 and no negative weight."""
    assignment = WeightedCandidates("gfl")(single_point(4.0))
    assert assignment.positive.tolist() == pytest.approx([9 / 16])
    assert assignment.negative.tolist() == pytest.approx([0])
    assignment = WeightedCandidates("vfl")(single_point(4.0))
    assert assignment.positive.tolist() == pytest.approx([1.0])


def test_weights_are_those_of_the_table():
    """Score 1/4 and IoU 1/4, in the middle of the box: VFL's t^2 = 1/16 and t (1 - t) = 3/16."""
    assignment = WeightedCandidates("vfl")(single_point(2.0))
    assert assignment.positive.tolist() == pytest.approx([1 / 16])
    assert assignment.negative.tolist() == pytest.approx([3 / 16])
    assert assignment.target.tolist() == pytest.approx([1 / 4])


def test_center_prior():
    """Four points that predict the box exactly, each half a stride from its centre in x and y."""
    batch = batch_of(
        one_level_scene(
            [[4.0, 4, 12, 12], [12, 4, 4, 12], [4, 12, 12, 4], [12, 12, 4, 4]],
            [[0.0, 0, 16, 16]],
            [0],
        )
    )
    assignment = WeightedCandidates("vfl", sigma=0.5)(batch)
    prior = math.exp(-0.5 / (2 * 0.5**2))  # the distance is sqrt(1/2) strides
    assert assignment.positive.tolist() == pytest.approx([prior] * 4)
    assert assignment.target.tolist() == pytest.approx([1] * 4)


@pytest.mark.parametrize("name", TABLE_1)
def test_contract(name):
    """A point and class of several ground truths has a weight below 1 only once."""
    batch = batch_of(random_scene(0, num_gt=(9, 0, 3), num_classes=2))
    assignment = WeightedCandidates(name)(batch)
    for weight in (assignment.positive, assignment.negative, assignment.target):
        assert ((weight >= 0) & (weight <= 1)).all()
    key = assignment.point * 2 + batch.targets.classes[assignment.gt]
    below = key[assignment.negative < 1]
    assert len(below.unique()) == len(below) == len(key.unique()) < len(key)


def test_coupled_weights():
    # Where ground truths share a point, the smallest negative weight counts: one in each image.
    alone = batch_of(random_scene(0, num_gt=(1, 1)))
    coupled, dual = DualWeighting(coupled=True)(alone), DualWeighting()(alone)
    assert torch.equal(coupled.positive, dual.positive)
    torch.testing.assert_close(coupled.negative, (1 - coupled.positive).clamp(min=0))
    assert not torch.equal(coupled.negative, dual.negative)


def test_unknown_weighting():
    with pytest.raises(ValueError, match="one of gfl, vfl, tood, musu, got focal"):
        WeightedCandidates("focal")
