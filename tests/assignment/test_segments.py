import torch

from dual_weighting.assignment.segments import (
    segment_max,
    segment_min,
    segment_sum,
    smallest_of_equal_keys,
)


def test_reductions_by_hand():
    values, index = torch.tensor([1.0, 2, 4, -8]), torch.tensor([2, 0, 2, 0])
    assert segment_sum(values, index, 3).tolist() == [-6, 0, 5]
    assert segment_max(values, index, 3).tolist() == [2, -torch.inf, 4]
    assert segment_min(values, index, 3).tolist() == [-8, torch.inf, 1]


def test_smallest_of_equal_keys_by_hand():
    key = torch.tensor([7, 3, 7, 7, 3, 9])
    values = torch.tensor([0.5, 0.1, 0.2, 0.2, 0.3, 0.9])
    smallest = smallest_of_equal_keys(values, key, otherwise=1.0)
    torch.testing.assert_close(smallest, torch.tensor([0.2, 0.1, 1, 1, 1, 0.9]))


def test_smallest_of_nothing():
    nothing = smallest_of_equal_keys(torch.zeros(0), torch.zeros(0, dtype=torch.long), 1.0)
    assert nothing.shape == (0,)
