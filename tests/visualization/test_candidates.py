"""Five points, four of stride 8 and one of stride 16, in each of two images; IoU by counting cells.

(4, 4)  (12, 4)
    (8, 8)              scores are 1/4, both logits are 0, or 3/8
(4, 12) (12, 12)
"""

import pytest
import torch

from dual_weighting.assignment import Assignment, Batch, GroundTruths, PointGrid, Predictions
from dual_weighting.visualization.candidates import candidates_of, point_table, strongest

COLUMNS = ["rank", "level", "x", "y", "score", "IoU", "positive", "negative", "box", "target"]
GRID = PointGrid.from_sizes([(2, 2), (1, 1)], (8, 16))
TARGETS = GroundTruths(
    boxes=torch.tensor([[0.0, 0, 16, 16], [0, 0, 8, 8], [0, 0, 8, 8], [0, 0, 16, 16]]),
    classes=torch.tensor([0, 0, 1, 1]),
    image=torch.tensor([0, 0, 0, 1]),
)


def batch(ignored=None):
    distances = torch.zeros(2, 5, 4)
    distances[:, 0] = torch.tensor([4.0, 4, 12, 12])  # the whole image, 16 x 16
    distances[:, 1] = torch.tensor([12.0, 4, 4, 4])  # its upper half
    distances[:, 4] = 8.0  # the whole
    cls_logits = torch.zeros(2, 5, 2)
    cls_logits[0, 1, 0] = torch.tensor(3.0).log()  # sigmoid 3/4, half of that with objectness
    cls_logits[1, 4, 1] = torch.tensor(3.0).log()
    predictions = Predictions(cls_logits, distances, torch.zeros(2, 5, 1))
    return Batch(predictions, TARGETS, GRID, ignored=ignored)


def assignment(target=None):
    """Point 0 is a candidate of three ground truths; 0 and 1 are of one class."""
    return Assignment(
        point=torch.tensor([0, 1, 4, 0, 0, 5 + 4]),
        gt=torch.tensor([0, 0, 0, 1, 2, 3]),
        positive=torch.tensor([0.1, 0.5, 0.5, 1.0, 0.2, 0.7]),
        negative=torch.tensor([0.25, 1.0, 0.375, 1.0, 0.5, 0.0]),
        box=torch.tensor([0.0, 0.3, 0.4, 1.0, 0.1, 0.6]),
        target=target,
    )


def table(gt, target=None, **kwargs):
    rows = point_table(candidates_of(gt, assignment(target), batch()), ["p3", "p4"], **kwargs)
    assert all(list(row) == COLUMNS for row in rows)
    return [[pytest.approx(v) if isinstance(v, float) else v for v in row.values()] for row in rows]


def test_table_of_the_strongest_points():
    """Of two with positive weight 0.5, the less negative is first, though its score is smaller."""
    assert table(0) == [
        [1, "p4", 8, 8, 0.25, 1.0, 0.5, 0.375, 0.4, 1],
        [2, "p3", 12, 4, 0.375, 0.5, 0.5, 1.0, 0.3, 1],
        [3, "p3", 4, 4, 0.25, 1.0, 0.1, 0.25, 0.0, 1],
    ]


def test_negative_weight_that_stands_at_another_ground_truth():
    """That of point 0 and class 0 stands at ground truth 0; class 1 has its own."""
    assert table(1) == [[1, "p3", 4, 4, 0.25, 0.25, 1.0, 0.25, 1.0, 1]]
    assert table(2) == [[1, "p3", 4, 4, 0.25, 0.25, 0.2, 0.5, 0.1, 1]]


def test_ignored_points_are_no_negatives():
    ignored = torch.arange(10) == 1
    candidates = candidates_of(0, assignment(), batch(ignored))
    assert candidates.negative.tolist() == [0.25, 0.0, 0.375]


def test_second_image():
    assert table(3) == [[1, "p4", 8, 8, 0.375, 1.0, 0.7, 0.0, 0.6, 1]]


def test_targets_and_the_number_of_rows():
    target = torch.tensor([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
    assert [row[-1] for row in table(0, target)] == [
        pytest.approx(value) for value in (0.7, 0.8, 0.9)
    ]
    assert [row[1:4] for row in table(0, count=1)] == [["p4", 8, 8]]


def test_equal_weights_are_ordered_by_score():
    candidates = candidates_of(0, assignment(), batch())
    for name, value in (("positive", 0.0), ("negative", 1.0)):
        getattr(candidates, name)[:] = value
    candidates.score[:] = [0.2, 0.6, 0.4]
    assert strongest(candidates).tolist() == [1, 2, 0]


def test_ground_truth_without_a_candidate():
    empty = Assignment(
        *(x[:0] for x in (assignment().point, assignment().gt)), *[torch.ones(0)] * 3
    )
    candidates = candidates_of(2, empty, batch())
    assert len(candidates) == 0
    assert point_table(candidates, ["p3", "p4"]) == []
