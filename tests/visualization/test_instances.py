import numpy as np
import pytest
import torch
from detectron2.structures import Boxes, Instances

from dual_weighting.visualization.instances import (
    DARK,
    MASK_OPACITY,
    color_of,
    draw_instances,
    label_tile,
)

GREY = 100


def instances(boxes, scores, classes, size=(200, 300)):
    found = Instances(size)
    found.pred_boxes = Boxes(torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4))
    found.scores, found.pred_classes = torch.tensor(scores), torch.tensor(classes)
    return found


@pytest.fixture
def image():
    return np.full((200, 300, 3), GREY, dtype=np.uint8)


def changed(image, picture):
    rows, columns = np.nonzero((picture != image).any(axis=2))
    return columns.min(), rows.min(), columns.max(), rows.max()


def test_a_box_and_its_label(image):
    picture = draw_instances(image, instances([[50, 80, 120, 150]], [0.876], [1]), ["a", "b"])
    assert (image == GREY).all()
    assert picture[150, 80].tolist() == picture[115, 50].tolist() == list(color_of(1))
    assert picture[115, 80].tolist() == [GREY] * 3
    tile = label_tile("b 0.88", color_of(1), 11)
    np.testing.assert_array_equal(picture[80 - len(tile) : 80, 50 : 50 + tile.shape[1]], tile)
    assert (tile == DARK).all(axis=2).any()
    left, _, right, bottom = changed(image, picture)
    assert 48 <= left <= 50 and 120 <= right <= 122 and 150 <= bottom <= 152


@pytest.mark.parametrize(
    "box", [[0, 0, 40, 30], [260, 170, 300, 200], [-20, -20, 400, 400], [9, 390, 40, 400]]
)
def test_labels_stay_in_the_image(image, box):
    picture = draw_instances(image, instances([box], [0.5], [0]), ["a long name"])
    tile = label_tile("a long name 0.50", color_of(0), 11)
    windows = np.lib.stride_tricks.sliding_window_view(picture, tile.shape)
    assert (windows == tile).all(axis=(3, 4, 5)).any()


def test_the_better_detection_is_on_top(image):
    boxes = [[50, 80, 120, 150], [50, 80, 120, 150]]
    picture = draw_instances(image, instances(boxes, [0.9, 0.4], [0, 1]), ["a", "b"])
    assert picture[115, 50].tolist() == list(color_of(0))


def test_masks(image):
    found = instances([[50, 80, 120, 150]], [0.9], [0])
    found.pred_masks = torch.zeros(1, 200, 300, dtype=torch.bool)
    found.pred_masks[0, 90:140, 60:110] = True
    picture = draw_instances(image, found, ["a"])
    veil = (1 - MASK_OPACITY) * GREY + MASK_OPACITY * np.array(color_of(0))
    np.testing.assert_allclose(picture[115, 85], veil, atol=1)
    assert picture[85, 85].tolist() == [GREY] * 3


def test_nothing_and_a_tiny_image(image):
    np.testing.assert_array_equal(draw_instances(image, instances([], [], []), []), image)
    tiny = np.zeros((8, 9, 3), dtype=np.uint8)
    found = instances([[1, 1, 5, 5]], [0.9], [0], size=(8, 9))
    assert draw_instances(tiny, found, ["name"]).shape == (8, 9, 3)


def test_the_image_may_be_a_view_and_read_only(image):
    view = image[:, :, ::-1]
    view.flags.writeable = False
    drawn = draw_instances(view, instances([[50, 80, 120, 150]], [0.9], [0]), ["a"])
    assert drawn.shape == view.shape and (drawn != view).any()
