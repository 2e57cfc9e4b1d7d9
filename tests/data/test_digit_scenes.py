import numpy as np
import pytest

from dual_weighting.data.digit_scenes import (
    MAX_DIGITS,
    MAX_HEIGHT,
    MIN_HEIGHT,
    SCENE_SIZE,
    DigitScenes,
    cut_to_ink,
    leaves_visible,
    paint,
    sources_of_split,
)


@pytest.fixture(scope="module")
def scenes():
    by_split = {split: DigitScenes(split=split) for split in ("train", "val")}
    return {split: [by_split[split][index] for index in range(40)] for split in by_split}


def test_boxes_are_inside_the_image_and_of_the_promised_size(scenes):
    for scene in scenes["train"]:
        assert scene.image.shape == (SCENE_SIZE, SCENE_SIZE, 3)
        assert 1 <= len(scene.digits) <= MAX_DIGITS
        for x, y, width, height in (digit.box for digit in scene.digits):
            assert x >= 0 and y >= 0 and width > 0
            assert x + width <= SCENE_SIZE and y + height <= SCENE_SIZE
            assert MIN_HEIGHT <= height <= MAX_HEIGHT


def test_nothing_is_painted_outside_the_boxes(scenes, monkeypatch):
    """A scene differs from its bare background inside its boxes, and reaches all their sides."""
    monkeypatch.setattr("dual_weighting.data.digit_scenes.paint", lambda *args, **kwargs: None)
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
    assert leaves_visible(owner, window, one, [9])
    assert not leaves_visible(owner, window, two, [9])
    assert leaves_visible(owner, window, two, [8])


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
