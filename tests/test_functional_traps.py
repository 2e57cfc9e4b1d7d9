"""Where losses of label assignment break: nothing to assign, ties, borders, crowds, precision."""

import math

import pytest
import torch
from loss_calls import (
    LOSSES,
    LOSSES_OF_NEGATIVES,
    ORACLES,
    finite_losses_and_gradients,
    losses_and_gradients,
)
from oracles.geometry import points_of
from scenes import IMAGE_SIZE, INPUTS, STRIDES, random_scene

every_scheme = pytest.mark.parametrize("scheme", LOSSES)


def scene_with_boxes(*boxes, classes=None):
    classes = [0] * len(boxes) if classes is None else classes
    boxes, classes = torch.tensor(boxes).reshape(-1, 4), torch.tensor(classes, dtype=torch.long)
    return random_scene(0, num_gt=(1,)) | {"gt_boxes": [boxes], "gt_classes": [classes]}


def predicting(box):
    """Box distances by which every point predicts the same box."""
    centers = torch.tensor([point[:2] for point in points_of(IMAGE_SIZE, STRIDES)])
    box = torch.tensor(box)
    return {"box_distances": torch.cat((centers - box[:2], box[2:] - centers), dim=1)[None]}


EQUAL_SCORES = {
    "cls_logits": torch.zeros(1, 126, 3),
    "objectness_logits": torch.zeros(1, 126, 1),
}
TINY = [8.5, 8.5, 9.5, 9.5]
TRAPS = {
    "a box that covers no point": scene_with_boxes([5.0, 5, 40, 40], TINY),
    "no box that covers a point": scene_with_boxes(TINY),
    "one candidate": scene_with_boxes([3.0, 3, 5, 5]),
    "equal IoUs": scene_with_boxes([8.0, 8, 40, 40]) | predicting([8.0, 8, 40, 38]),
    "equal IoUs and scores": scene_with_boxes([8.0, 8, 40, 40])
    | predicting([8.0, 8, 40, 38])
    | EQUAL_SCORES,
    "same box twice": scene_with_boxes([5.0, 5, 50, 50], [5.0, 5, 50, 50]),
    "same box, two classes": scene_with_boxes([5.0, 5, 50, 50], [5.0, 5, 50, 50], classes=[0, 2]),
    "on the border and beyond": scene_with_boxes(
        [0.0, 0, 96, 64], [-20.0, -20, 10, 10], [80.0, 50, 200, 100]
    ),
    "predicted boxes are empty": scene_with_boxes([5.0, 5, 40, 40])
    | {"box_distances": torch.zeros(1, 126, 4)},
    "an image without ground truth": random_scene(2, num_gt=(0, 3)),
    "no ground truth": random_scene(3, num_gt=(0, 0)),
    "a crowd": random_scene(4, num_gt=(60, 0)),
}


@every_scheme
@pytest.mark.parametrize("trap", TRAPS)
def test_traps(scheme, trap):
    losses, _ = finite_losses_and_gradients(LOSSES[scheme], TRAPS[trap])
    assert losses == pytest.approx(ORACLES[scheme](**TRAPS[trap]), rel=2e-5, abs=1e-7)


@every_scheme
def test_no_ground_truth_at_all(scheme):
    losses, grads = finite_losses_and_gradients(LOSSES[scheme], TRAPS["no ground truth"])
    assert all(losses.pop(name) > 0 for name in LOSSES_OF_NEGATIVES[scheme])
    assert not any(losses.values())
    assert grads["cls_logits"].abs().min() > 0  # everything is a negative
    assert not grads["box_distances"].any()


def test_no_positive_at_all():
    """O2F assigns no box of IoU 0: what is left is the background, and boxes learn nothing."""
    losses, grads = finite_losses_and_gradients(LOSSES["o2f"], TRAPS["predicted boxes are empty"])
    background, _ = losses_and_gradients(LOSSES["o2f"], scene_with_boxes())
    assert losses == background and losses["loss_bbox"] == 0
    assert not grads["box_distances"].any()


@pytest.mark.parametrize("trap", ["one candidate", "equal IoUs"])
def test_dw_equal_ious(trap):
    """The smallest IoU is the largest: P_neg is 1 everywhere, as in the release."""
    losses, grads = losses_and_gradients(LOSSES["dw"], TRAPS[trap])
    nothing = {"gt_boxes": [torch.zeros(0, 4)], "gt_classes": [torch.zeros(0, dtype=torch.long)]}
    background, _ = losses_and_gradients(LOSSES["dw"], TRAPS[trap] | nothing)
    assert losses["loss_cls_neg"] == pytest.approx(background["loss_cls_neg"], rel=1e-4)
    assert losses["loss_cls_pos"] > 0
    if trap == "one candidate":
        assert grads["box_distances"].abs().sum(dim=2).count_nonzero() == 1


def test_o2f_one_candidate():
    """It is the certain positive: BCE(s, 1) instead of the loss of a negative."""
    scene = scene_with_boxes([3.0, 3, 5, 5])
    losses, grads = losses_and_gradients(LOSSES["o2f"], scene)
    background, _ = losses_and_gradients(LOSSES["o2f"], scene_with_boxes())
    s = (
        scene["cls_logits"][0, 0, 0].sigmoid() * scene["objectness_logits"][0, 0, 0].sigmoid()
    ).item()
    change = -math.log(s) - 0.75 * s**2 * -math.log(1 - s)
    assert losses["loss_cls"] - background["loss_cls"] == pytest.approx(change, rel=1e-4)
    assert grads["box_distances"].abs().sum(dim=2).count_nonzero() == 1


@every_scheme
@pytest.mark.parametrize("logit", [-200.0, -60.0, 60.0, 200.0])
def test_extreme_logits(scheme, logit):
    """Scores that are 0 or 1 in float32; O2F then divides by a largest score of 0."""
    scene = random_scene(0)
    extreme = {name: torch.full_like(scene[name], logit) for name in INPUTS if "logits" in name}
    finite_losses_and_gradients(LOSSES[scheme], scene | extreme)


@every_scheme
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(scheme, dtype):
    scene = random_scene(0)
    half = scene | {name: scene[name].to(dtype) for name in INPUTS}
    full = half | {name: half[name].float() for name in INPUTS}
    expected, _ = losses_and_gradients(LOSSES[scheme], full)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        losses, grads = finite_losses_and_gradients(LOSSES[scheme], half)
    assert losses == expected
    assert grads["cls_logits"].dtype == dtype
