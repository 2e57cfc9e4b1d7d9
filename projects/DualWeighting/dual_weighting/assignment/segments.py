"""Reductions over the pairs of each ground truth."""

import torch
from torch import Tensor


def segment_sum(values: Tensor, index: Tensor, size: int) -> Tensor:
    """Sum of the values with each index, (size,); 0 where there is none."""
    return values.new_zeros(size).index_add_(0, index, values)


def segment_max(values: Tensor, index: Tensor, size: int) -> Tensor:
    """Largest of the values with each index, (size,); -inf where there is none."""
    return values.new_full((size,), -torch.inf).scatter_reduce_(0, index, values, "amax")


def segment_min(values: Tensor, index: Tensor, size: int) -> Tensor:
    """Smallest of the values with each index, (size,); inf where there is none."""
    return values.new_full((size,), torch.inf).scatter_reduce_(0, index, values, "amin")


def first_smallest(values: Tensor, key: Tensor) -> Tensor:
    """Mask (Q,) with True at exactly one pair of each key: the one with the smallest value.

    Two stable sorts, so its cost does not depend on the range of the keys and nothing is read
    back from the device.
    """
    by_value = values.argsort(stable=True)
    order = by_value[key[by_value].argsort(stable=True)]
    sorted_key = key[order]
    starts = torch.ones_like(sorted_key, dtype=torch.bool)
    starts[1:] = sorted_key[1:] != sorted_key[:-1]
    return torch.zeros_like(starts).index_copy_(0, order, starts)
