import pytest
import torch
from scenes import batch_of, one_level_scene, random_scene

from dual_weighting.assignment import DualWeighting


def assign(scene, **hyperparameters):
    batch = batch_of(scene)
    return DualWeighting(**hyperparameters)(batch), batch.targets, batch.grid


def test_by_hand():
    """Candidates 0 and 1 of a 16 x 8 box; the first predicts it exactly, the second half of it."""
    scene = one_level_scene(
        [[4.0, 4, 12, 4], [4, 4, 4, 4], [1, 1, 1, 1], [1, 1, 1, 1]], [[0.0, 0, 16, 8]], [0]
    )
    assignment, _, _ = assign(scene)
    assert assignment.point.tolist() == [0, 1] and assignment.gt.tolist() == [0, 0]
    # t = 1/4 and 1/4 e^(-5/2); both points are half a stride from the centre, so the prior cancels
    t = 0.25 * torch.exp(torch.tensor([0, -2.5]))
    w_pos = (5 * t).exp() * t / ((3 * t).exp() * t).sum()
    torch.testing.assert_close(assignment.positive, w_pos)
    torch.testing.assert_close(assignment.box, w_pos)
    # f(1) = 0 is the smallest, f(1/2) = 1 the largest
    assert assignment.negative.tolist() == pytest.approx([0, 1])


def test_two_ground_truths_of_one_class_on_one_point():
    """The smaller P_neg counts, and it counts once, whatever the order."""
    exact = [4.0, 4, 4, 4]  # point 0 predicts (0, 0, 8, 8)
    scene = one_level_scene([exact] * 4, [[0.0, 0, 8.5, 8], [0, 0, 16, 8]], [1, 1])
    first, _, _ = assign(scene)
    flipped = {k: [scene[k][0].flip(0)] for k in ("gt_boxes", "gt_classes")}
    second, _, _ = assign(scene | flipped)
    for assignment in (first, second):
        at_point_0 = assignment.negative[assignment.point == 0].sort().values
        assert len(at_point_0) == 2 and at_point_0[1] == 1
    torch.testing.assert_close(first.negative.sum(), second.negative.sum())


def test_different_classes_on_one_point_both_count():
    distances = [[4.0, 4, 4, 4], [1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1]]
    boxes = [[0.0, 0, 8, 12.5], [0, 0, 12.5, 8]]  # IoU 0.64 each with what point 0 predicts
    same, _, _ = assign(one_level_scene(distances, boxes, [1, 1]))
    different, _, _ = assign(one_level_scene(distances, boxes, [0, 1]))
    shared = different.point == 0
    assert (different.negative[shared] < 1).sum() == 2
    assert (same.negative[shared] < 1).sum() == 1


@pytest.mark.parametrize("seed", range(5))
def test_contract(seed):
    """What every reader of an assignment relies on."""
    scene = random_scene(seed, num_gt=(4, 0, 3), num_classes=2)
    assignment, targets, grid = assign(scene)
    centers = grid.centers[assignment.point % len(grid)]
    boxes = targets.boxes[assignment.gt]
    assert (centers > boxes[:, :2]).all() and (centers < boxes[:, 2:]).all()
    assert torch.equal(assignment.point // len(grid), targets.image[assignment.gt])
    assert ((assignment.negative >= 0) & (assignment.negative <= 1)).all()
    assert (assignment.positive >= 0).all()
    for m in range(len(targets)):
        mine = assignment.positive[assignment.gt == m]
        if len(mine):  # the norm has the smaller mu, so the sum is at least 1
            assert mine.sum() >= 1
    tensors = [x for x in vars(assignment).values() if x is not None]
    assert not any(x.requires_grad for x in tensors)


@pytest.mark.parametrize(
    "change", [{"beta": 2.0}, {"mu": 1.0}, {"mu_norm": 5.0}, {"sigma": 3.0}, {"gamma1": 1.0},
               {"min_iou": 0.8}, {"eps": 1e6}]
)  # fmt: skip
def test_every_hyperparameter_has_an_effect(change):
    scene = random_scene(0)
    plain, _, _ = assign(scene)
    changed, _, _ = assign(scene, **change)
    same_positive = torch.equal(plain.positive, changed.positive)
    same_negative = torch.equal(plain.negative, changed.negative)
    assert not (same_positive and same_negative)
