import pytest
import torch

from dual_weighting.assignment import Assignment, Batch, GroundTruths, PointGrid, Predictions
from dual_weighting.assignment.statistics import assignment_statistics

# Four points of stride 8, (4, 4), (12, 4), (4, 12), (12, 12), and one of stride 16, (8, 8).
GRID = PointGrid.from_image((16, 16), (8, 16))
TARGETS = GroundTruths.from_images(
    [torch.tensor([[0.0, 0, 16, 16], [0, 0, 8, 8], [8, 8, 16, 16]])], [torch.tensor([0, 1, 1])]
)
POINT = [0, 1, 4, 0, 1, 3]
GT = [0, 0, 0, 1, 1, 2]


def statistics(positive):
    """Every point predicts the whole image."""
    distances = torch.cat((GRID.centers, 16 - GRID.centers), dim=1)[None]
    predictions = Predictions(torch.zeros(1, 5, 2), distances, torch.zeros(1, 5, 1))
    weights = torch.tensor(positive)
    assignment = Assignment(
        torch.tensor(POINT), torch.tensor(GT), weights, torch.ones(6), box=weights
    )
    values = assignment_statistics(assignment, Batch(predictions, TARGETS, GRID))
    return {name: value.item() for name, value in values.items()}


def test_by_hand():
    """Ground truth 0: a positive on each level and a soft one; 1: one positive and one far below
    it; 2: none. IoU of the predictions with the three: 1, 1/4 and 1/4."""
    values = statistics([0.2, 0.05, 0.4, 1e-3, 1e-6, 0.0])
    assert values == pytest.approx(
        {
            "positives_per_gt": 3 / 3,
            "soft_positives_per_gt": 1 / 3,
            "gts_without_positive": 1 / 3,
            "positive_iou": (1 + 1 + 1 / 4) / 3,
            "positives_level_0": 2 / 3,
            "positives_level_1": 1 / 3,
        }
    )


def test_without_any_positive():
    values = statistics([0.0] * 6)
    assert values["positives_per_gt"] == 0 and values["gts_without_positive"] == 1
    assert values["positive_iou"] != values["positive_iou"]  # NaN


def test_a_ground_truth_that_no_point_sees():
    nothing = torch.zeros(0)
    none = torch.zeros(0, dtype=torch.long)
    predictions = Predictions(torch.zeros(1, 5, 2), torch.ones(1, 5, 4), torch.zeros(1, 5, 1))
    assignment = Assignment(none, none, nothing, nothing, nothing)
    values = assignment_statistics(assignment, Batch(predictions, TARGETS, GRID))
    assert values["gts_without_positive"] == 1 and values["positives_per_gt"] == 0
