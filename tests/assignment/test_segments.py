import torch

from dual_weighting.assignment.segments import (
    first_smallest,
    segment_max,
    segment_min,
    segment_sum,
)


def test_reductions_by_hand():
    values, index = torch.tensor([1.0, 2, 4, -8]), torch.tensor([2, 0, 2, 0])
    assert segment_sum(values, index, 3).tolist() == [-6, 0, 5]
    assert segment_max(values, index, 3).tolist() == [2, -torch.inf, 4]
    assert segment_min(values, index, 3).tolist() == [-8, torch.inf, 1]


def test_first_smallest_by_hand():
    key = torch.tensor([7, 3, 7, 7, 3, 9])
    values = torch.tensor([0.5, 0.1, 0.2, 0.2, 0.3, 1.0])
    assert first_smallest(values, key).tolist() == [False, True, True, False, False, True]


def test_first_smallest_of_nothing():
    assert first_smallest(torch.zeros(0), torch.zeros(0, dtype=torch.long)).shape == (0,)
