import pytest
import torch
from scenes import batch_of, load_golden, one_level_scene, random_scene

from dual_weighting.assignment import OneToFew


def assign(scene, progress=0.0, **hyperparameters):
    batch = batch_of(scene, progress)
    return OneToFew(**hyperparameters)(batch), batch.targets, batch.grid


@pytest.mark.parametrize("epoch", [0, 6, 11])
@pytest.mark.parametrize("case", ["basic", "crowd", "tiny_gt"])
def test_golden(case, epoch):
    """The release's class, target and weight of every point in three epochs of 12."""
    scene, answer = load_golden(f"o2f_loss_{case}")
    assignment, targets, _ = assign(scene, epoch / 11)
    assigned = assignment.positive > 0
    point = assignment.point[assigned]
    num_images, num_points, num_classes = scene["cls_logits"].shape
    found = {
        "assigned_class": torch.full((num_images * num_points,), num_classes),
        "soft_target": torch.zeros(num_images * num_points),
        "soft_weight": torch.zeros(num_images * num_points),
    }
    found["assigned_class"][point] = targets.classes[assignment.gt[assigned]]
    found["soft_target"][point] = assignment.target[assigned]
    found["soft_weight"][point] = assignment.positive[assigned]
    for name, values in found.items():
        expected = torch.from_numpy(answer[f"{name}_epoch{epoch}"]).flatten()
        torch.testing.assert_close(values, expected, rtol=1e-5, atol=1e-5)


def exact_half_and_quarter():
    """Points 0 and 1 predict their 16 x 8 box exactly and half of it, point 2 a quarter of its
    8 x 8 box; the score is 1/4, and 1/2 for point 1."""
    scene = one_level_scene(
        [[4.0, 4, 12, 4], [4, 4, 4, 4], [2, 2, 2, 2], [1, 1, 1, 1]],
        [[0.0, 0, 16, 8], [0, 8, 8, 16]],
        [0, 1],
    )
    scene["cls_logits"][0, 1, 0] = 100.0
    return scene


def test_by_hand():
    assignment, _, _ = assign(exact_half_and_quarter(), progress=0.5)
    assert assignment.point.tolist() == [0, 1, 2] and assignment.gt.tolist() == [0, 0, 1]
    # quality of points 0 and 1: 0.25^0.2 = 0.76 and 0.5^0.2 0.5^0.8 = 0.5
    assert assignment.positive.tolist() == pytest.approx([1, 0.4, 1])
    assert assignment.target.tolist() == pytest.approx([1, 0.4, 1])
    # centerness of points 0 and 1: sqrt(4/12 * 4/4)
    assert assignment.box.tolist() == pytest.approx([3**-0.5, 3**-0.5, 1])
    assert not assignment.negative.any()


def test_soft_targets_by_hand():
    """Three candidates of one predicted box: the soft ones have T s / max s, T falls to 0.2."""
    distances = [[4.0, 4, 12, 12], [12, 4, 4, 12], [4, 12, 12, 4], [1, 1, 1, 1]]
    scene = one_level_scene(distances, [[0.0, 0, 16, 16]], [0])
    scene["cls_logits"][0, :3, 0] = torch.tensor([100.0, 0, -1])  # s = 1/2, 1/4 and 0.134
    for progress, degree in ((0.0, 0.6), (0.5, 0.4), (1.0, 0.2)):
        assignment, _, _ = assign(scene, progress, num_soft=3)
        ratio = torch.tensor(-1.0).sigmoid() / 0.5
        expected = torch.tensor([1, degree, degree * ratio, 0])
        torch.testing.assert_close(assignment.target, expected)
        assert assignment.positive.tolist() == pytest.approx([1, 0.4, 0.4, 0])
        assert assignment.negative.tolist() == [0, 0, 0, 1]


def test_equal_qualities():
    """The certain positive is the first of the equal ones, and there is only one."""
    distances = [[4.0, 4, 12, 12], [12, 4, 4, 12], [4, 12, 12, 4], [12, 12, 4, 4]]
    assignment, _, _ = assign(one_level_scene(distances, [[0.0, 0, 16, 16]], [0]), num_soft=3)
    assert assignment.target.tolist() == pytest.approx([1, 0.6, 0.6, 0])


def test_contested_points_go_to_the_better_quality():
    """Point 0 predicts the second box exactly: it is lost to the first, which wants it too."""
    exact = [4.0, 4, 4, 4]  # point 0 predicts (0, 0, 8, 8)
    scene = one_level_scene([exact] * 4, [[0.0, 0, 16, 16], [0, 0, 8, 8]], [0, 1])
    assignment, _, _ = assign(scene)
    assigned = assignment.positive > 0
    assert assignment.point[assigned].tolist() == [1, 2, 3, 0]
    assert assignment.gt[assigned].tolist() == [0, 0, 0, 1]
    certain = assignment.target == 1
    assert sorted(assignment.gt[certain].tolist()) == [0, 1]


def test_same_box_twice():
    """Of the same class they want the same points, and the first gets them all."""
    scene = one_level_scene([[4.0, 4, 4, 4]] * 4, [[0.0, 0, 16, 16]] * 2, [1, 1])
    assignment, _, _ = assign(scene)
    assert assignment.gt[assignment.positive > 0].unique().tolist() == [0]


def test_no_overlap_is_not_assigned():
    """Points 1 to 3 predict boxes of IoU 0."""
    scene = one_level_scene([[4.0, 4, 4, 4]] + [[0.0] * 4] * 3, [[0.0, 0, 16, 16]], [0])
    assignment, _, _ = assign(scene)
    assert assignment.positive.tolist() == [1, 0, 0, 0]
    assert assignment.box.tolist()[1:] == assignment.target.tolist()[1:] == [0, 0, 0]


@pytest.mark.parametrize("seed", range(5))
def test_contract(seed):
    """What every reader of an assignment relies on."""
    scene = random_scene(seed, num_gt=(9, 0, 3), num_classes=2)
    assignment, targets, grid = assign(scene, progress=0.5)
    centers = grid.centers[assignment.point % len(grid)]
    boxes = targets.boxes[assignment.gt]
    assert (centers > boxes[:, :2]).all() and (centers < boxes[:, 2:]).all()
    assert torch.equal(assignment.point // len(grid), targets.image[assignment.gt])
    assigned = assignment.positive > 0
    assert torch.equal(assigned, assignment.box > 0)
    assert torch.equal(assigned, assignment.negative == 0)
    assert (assignment.negative[~assigned] == 1).all()
    owned = assignment.point[assigned]
    assert len(owned.unique()) == len(owned), "a point of two ground truths"
    for m in range(len(targets)):
        mine = assigned & (assignment.gt == m)
        assert mine.sum() <= 7
        assert (assignment.target[mine] == 1).sum() == min(mine.sum(), 1)
        soft = assignment.target[mine & (assignment.target < 1)]
        assert len(soft) == 0 or soft.max() == pytest.approx(0.4)
    assert not any(x.requires_grad for x in vars(assignment).values() if x is not None)
