import pytest
import torch
from detectron2.structures import Boxes, Instances

from dual_weighting.export.check import Difference, compare


def detections(*rows):
    """Rows of (x1, y1, x2, y2, score, class) as a runner returns them."""
    table = torch.tensor(rows, dtype=torch.float32).reshape(-1, 6)
    return {"boxes": table[:, :4], "scores": table[:, 4], "classes": table[:, 5].long()}


def instances(*rows):
    x = detections(*rows)
    return Instances(
        (50, 50), pred_boxes=Boxes(x["boxes"]), scores=x["scores"], pred_classes=x["classes"]
    )


def difference(expected, found, limit=100):
    return compare(instances(*expected), detections(*found), score_thresh=0.05, limit=limit)


CAT, DOG = (0, 0, 10, 10, 0.8, 0), (20, 20, 40, 40, 0.8001, 1)


def test_places_may_change():
    moved = (20, 20, 40, 40.05, 0.8, 1)
    found = difference([CAT, DOG], [moved, CAT])
    assert found.detections == 2 and found.unmatched == 0 and not found.is_large
    assert found.box == pytest.approx(0.05, abs=1e-5)
    assert found.score == pytest.approx(1e-4, abs=1e-6)


@pytest.mark.parametrize(
    "found",
    [
        [CAT],
        [CAT, DOG, (0, 30, 10, 40, 0.5, 0)],
        [CAT, (20, 20, 40, 40, 0.8, 0)],
        [CAT, (30, 30, 50, 50, 0.8, 1)],
        [],
    ],
    ids=["one is missing", "one more", "another class", "elsewhere", "nothing"],
)
def test_no_counterpart(found):
    assert difference([CAT, DOG], found).unmatched >= 1
    assert difference([CAT, DOG], found).is_large


@pytest.mark.parametrize("found", [(0, 0, 10, 10.2, 0.8, 0), (0, 0, 10, 10, 0.802, 0)])
def test_large_differences(found):
    result = difference([CAT], [found])
    assert result.unmatched == 0 and result.is_large


def test_the_lower_end_is_free():
    """0.0505 is next to the threshold of 0.05; of two at most, both sides may keep another last."""
    low = (0, 30, 10, 40, 0.0505, 0)
    assert difference([CAT, low], [CAT]).unmatched == 0
    assert difference([CAT], [CAT, low]).unmatched == 0
    last, other = (0, 30, 10, 40, 0.3, 0), (30, 0, 40, 10, 0.3005, 0)
    assert difference([CAT, last], [CAT, other], limit=2).unmatched == 0
    assert difference([CAT, last], [CAT, other], limit=3).unmatched == 2


def test_nothing_on_both_sides():
    assert difference([], []) == Difference()


def test_masks():
    """One of four pixels differs."""
    expected, found = instances(CAT), detections(CAT)
    expected.pred_masks = torch.tensor([[[True, False], [False, False]]])
    found["masks"] = torch.tensor([[[True, True], [False, False]]])
    result = compare(expected, found, score_thresh=0.05, limit=100)
    assert result.mask == 0.25 and result.is_large


def test_of_several_images_the_largest():
    assert Difference(2, 0.1, 0.2, 0.3, 1) + Difference(3, 0.2, 0.1, 0.0, 1) == Difference(
        5, 0.2, 0.2, 0.3, 2
    )
