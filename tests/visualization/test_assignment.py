import cv2
import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb
from tiny_detector import tiny_detector, training_image

from dual_weighting.assignment import OneToFew
from dual_weighting.visualization import draw_assignment
from dual_weighting.visualization.assignment import BOTTOM, LEFT, PITCH
from dual_weighting.visualization.assignment_panels import INK, PANEL, POSITIVE, crop
from dual_weighting.visualization.assignment_rows import AssignmentRow, assignment_rows
from dual_weighting.visualization.candidates import Candidates

BOX = np.array([0.0, 0, 32, 32])
DPI = 150


def row(**changes):
    """A white image of 32 x 32, and of its 16 points of stride 8 three candidates in a row."""
    arrays = {
        "level": np.zeros(3, dtype=int),
        "centers": np.array([[4.0, 12], [12, 12], [20, 12]]),
        "boxes": np.tile(BOX, (3, 1)),
        "score": np.full(3, 0.5),
        "iou": np.ones(3),
        "positive": np.array([0.0, 2.0, 0.0]),
        "negative": np.array([1.0, 1.0, 0.0]),
        "box": np.array([0.0, 0.0, 0.0]),
        "target": None,
    } | changes
    return AssignmentRow(
        title="scheme, run, 10 iterations",
        image=np.full((32, 32, 3), 255, np.uint8),
        gt_box=BOX,
        gt_class=0,
        candidates=Candidates(**arrays),
        level_names=["p3", "p4"],
        level_sizes=np.array([[4, 4], [2, 2]]),
        level_strides=np.array([8.0, 16.0]),
    )


def draw(rows, folder):
    """The page, RGB in [0, 1]."""
    draw_assignment(rows, title="a title", output_file=folder / "page.png")
    return cv2.imread(str(folder / "page.png"))[:, :, ::-1] / 255


def pixel(page, place, *, panel, from_below=0):
    """The color at `place` (x, y in pixels of the image) of a panel in a row."""
    left, top, right, bottom = crop(row())
    x = LEFT + panel * PITCH + PANEL * (place[0] - left) / (right - left)
    y = BOTTOM + from_below * PITCH + PANEL * (bottom - place[1]) / (bottom - top)
    return page[page.shape[0] - round(y * DPI), round(x * DPI)]


def test_weights_of_the_points(tmp_path):
    """On level 0: a dot at (4, 12), a disc at (12, 12), a tinted cell from (16, 8) to (24, 16)."""
    page = draw([row()], tmp_path)
    assert pixel(page, (28, 28), panel=1) == pytest.approx([0.467] * 3, abs=0.1), "no candidate"
    white = pixel(page, (25, 30), panel=1)
    assert white == pytest.approx(np.ones(3), abs=0.02)
    assert pixel(page, (4, 12), panel=1) == pytest.approx(to_rgb(INK), abs=0.1)
    assert pixel(page, (5, 12), panel=1) == pytest.approx(white, abs=0.02), "no weight, no disc"
    for place in ((12, 12), (13, 12)):
        assert pixel(page, place, panel=1) == pytest.approx(POSITIVE(1.0)[:3], abs=0.02)
    red, _, blue = pixel(page, (22, 14), panel=1)
    assert blue > red + 0.3
    for place in ((5, 12), (13, 12), (22, 14)):
        assert pixel(page, place, panel=2) == pytest.approx(white, abs=0.02), "the other level"


def test_ring_is_the_box_weight(tmp_path):
    """At a point of positive weight 0, a ring as large as the disc of the largest weight."""
    with_ring = draw([row(box=np.array([2.0, 0.0, 0.0]))], tmp_path)
    changed = np.abs(with_ring - draw([row()], tmp_path)).max(axis=2) > 0.3
    y, x = np.nonzero(changed)
    disc = np.abs(draw([row()], tmp_path) - POSITIVE(1.0)[:3]).max(axis=2) < 0.02
    disc[-int(BOTTOM * DPI) :] = False  # the color bar
    assert np.ptp(x) == pytest.approx(np.ptp(np.nonzero(disc)[1]), abs=4)
    assert np.ptp(x) == pytest.approx(np.ptp(y), abs=2)


def test_rows_share_one_scale(tmp_path):
    """The upper row has the weight 2; in the lower row, 1 has the color of a half."""
    page = draw([row(), row(positive=np.array([0.0, 1.0, 0.0]))], tmp_path)
    upper = pixel(page, (12, 12.5), panel=1, from_below=1)
    lower = pixel(page, (12, 12.5), panel=1)
    assert upper == pytest.approx(POSITIVE(1.0)[:3], abs=0.02)
    assert lower == pytest.approx(POSITIVE(0.5)[:3], abs=0.02)


def test_targets_are_written(tmp_path):
    page = draw([row()], tmp_path)
    targets = draw([row(target=np.array([0.0, 0.75, 0.0]))], tmp_path)
    above_legend = np.abs(targets - page)[: -int(BOTTOM * DPI)].max(axis=2) > 0.3
    assert above_legend.any()


def test_no_candidate_and_no_weight(tmp_path):
    nothing = {
        name: value[:0] for name, value in vars(row().candidates).items() if name != "target"
    }
    page = draw([row(**nothing), row(positive=np.zeros(3))], tmp_path)
    assert pixel(page, (12, 12.5), panel=1) == pytest.approx(np.ones(3), abs=0.02)


@pytest.mark.parametrize("scheme", [None, OneToFew()], ids=["DW", "O2F"])
def test_rows_are_what_trains(scheme):
    """The record that the losses are given, in training mode, has the weights of the rows."""
    given = []

    def losses(assignment, *others):
        given.append(assignment)
        return {}

    model = tiny_detector(losses=losses, **({"scheme": scheme} if scheme else {})).train()
    model.training_progress = 0.5
    image = training_image([[5, 5, 40, 50], [30, 10, 90, 60]], [0, 2])
    model([image])
    rows = assignment_rows(model, image, title="", image_format="RGB")
    assert [r.gt_class for r in rows] == [0, 2]
    assert rows[1].gt_box.tolist() == [30, 10, 90, 60]
    assert rows[0].image.tolist() == image["image"].permute(1, 2, 0).byte().tolist()
    for gt, shown in enumerate(rows):
        mine = given[0].gt == gt
        for name in ("positive", "negative", "box", "target"):
            expected = getattr(given[0], name)
            if expected is None:
                assert shown.candidates.target is None
                continue
            np.testing.assert_allclose(getattr(shown.candidates, name), expected[mine], rtol=1e-6)
    assert given[0].positive.max() > 0
    assert torch.is_grad_enabled()
