import numpy as np
import pytest

from dual_weighting.data.digits.ink import cut_to_ink, paint
from dual_weighting.data.digits.scenes import (
    CROWD_DIGITS,
    DIGITS,
    DigitScenes,
    leaves_visible,
    sources_of_split,
)
from dual_weighting.evaluation.crowd_matching import pairwise_iou


@pytest.fixture(scope="module")
def scenes():
    by_split = {split: DigitScenes(split=split) for split in ("train", "val")}
    return {split: [by_split[split][index] for index in range(40)] for split in by_split}


@pytest.fixture(scope="module")
def crowds():
    scenes = DigitScenes(split="train", style=CROWD_DIGITS)
    return [scenes[index] for index in range(12)]


def check_promises(scenes, style):
    for scene in scenes:
        assert scene.image.shape == (style.size, style.size, 3)
        assert style.num_digits[0] <= len(scene.digits) <= style.num_digits[1]
        assert style.num_heaps[0] <= len(scene.heaps) <= style.num_heaps[1]
        for x, y, width, height in [*(digit.box for digit in scene.digits), *scene.heaps]:
            assert x >= 0 and y >= 0 and width > 0
            assert x + width <= style.size and y + height <= style.size
            assert style.heights[0] <= height <= style.heights[1]


def test_boxes_are_inside_the_image_and_of_the_promised_size(scenes, crowds):
    check_promises(scenes["train"], DIGITS)
    check_promises(crowds, CROWD_DIGITS)


def test_digits_of_crowds_overlap(crowds):
    """A tenth of them so much that NMS at IoU 0.6 would take a correct detection away."""
    overlaps = []
    for scene in crowds:
        boxes = np.array([digit.box for digit in scene.digits], float)
        boxes[:, 2:] += boxes[:, :2]
        iou = pairwise_iou(boxes, boxes)
        np.fill_diagonal(iou, 0)
        overlaps += list(iou.max(axis=1))
    assert 0.05 < np.mean(np.array(overlaps) > 0.6) < 0.2
    assert any(scene.heaps for scene in crowds)


def test_nothing_is_painted_outside_the_boxes(scenes, monkeypatch):
    """A scene differs from its bare background inside its boxes, and reaches all their sides."""
    monkeypatch.setattr("dual_weighting.data.digits.scenes.paint", lambda *args, **kwargs: None)
    unpainted = DigitScenes(split="train")
    num_single = 0
    for index, scene in enumerate(scenes["train"][:12]):
        # The background is drawn first, so it is the same without painting.
        bare = unpainted[index].image.astype(int)
        difference = np.abs(scene.image - bare).sum(axis=2) > 10
        inside = np.zeros_like(difference)
        for x, y, width, height in (digit.box for digit in scene.digits):
            inside[y : y + height, x : x + width] = True
        assert not difference[~inside].any()
        if len(scene.digits) == 1:
            num_single += 1
            x, y, width, height = scene.digits[0].box
            painted = difference[y : y + height, x : x + width]
            for side in (painted[0], painted[-1], painted[:, 0], painted[:, -1]):
                assert side.any()
    assert num_single, "no scene in which a single box could be looked at"


def test_ink_is_cut_to_what_is_visible():
    ink = np.zeros((8, 9), np.float32)
    ink[2:5, 3:7] = 0.9
    ink[0, 0] = 0.1  # too faint to be seen
    assert cut_to_ink(ink).shape == (3, 4)


def test_no_digit_may_be_hidden_by_more_than_a_quarter():
    owner = np.full((4, 10), -1)
    owner[0, :8] = 0  # 8 of the 9 pixels of digit 0 are still seen, 6.75 have to be
    window = np.s_[0:1, 0:10]
    one, two = np.zeros((1, 10), bool), np.zeros((1, 10), bool)
    one[0, :1], two[0, :2] = True, True
    assert leaves_visible(owner, window, one, [9], 0.75)
    assert not leaves_visible(owner, window, two, [9], 0.75)
    assert leaves_visible(owner, window, two, [8], 0.75)
    assert leaves_visible(owner, window, two, [9], 0.6)


def test_ink_stands_out():
    rng = np.random.Generator(np.random.PCG64(0))
    for grey in (0, 128, 255):
        canvas = np.full((5, 5, 3), grey, np.float32)
        paint(canvas, np.ones((5, 5), np.float32), rng=rng)
        assert abs(canvas[0, 0] @ [0.299, 0.587, 0.114] - grey) > 75


def test_digits_of_validation_are_not_in_training(scenes):
    train, val = (sources_of_split(1797, split=split) for split in ("train", "val"))
    assert sorted([*train, *val]) == list(range(1797))
    shown = {
        split: {digit.source for scene in scenes[split] for digit in scene.digits}
        for split in scenes
    }
    assert not shown["train"] & shown["val"]
    assert shown["train"] <= set(train) and shown["val"] <= set(val)


def test_all_classes_are_shown(scenes):
    for split in scenes:
        labels = {digit.label for scene in scenes[split] for digit in scene.digits}
        assert labels == set(range(10))
