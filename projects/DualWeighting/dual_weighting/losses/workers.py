"""Divisors that belong to the whole batch of a distributed run."""

from collections.abc import Sequence

import torch
import torch.distributed as dist
from torch import Tensor


def batch_divisors(values: Sequence[Tensor], at_least: Sequence[float]) -> tuple[Tensor, ...]:
    """One worker's share of numbers of the whole batch, so that losses do not depend on how many
    workers it is spread over: the sum over the workers, bounded from below, over their number.

    Args:
        values: scalars, those of this worker. All of them take one all-reduce.
        at_least: lower bound of each sum.
    """
    share = torch.stack(tuple(values))
    num_workers = 1
    if dist.is_available() and dist.is_initialized():
        num_workers = dist.get_world_size()
        dist.all_reduce(share)
        share /= num_workers
    return tuple(
        value.clamp(min=bound / num_workers)
        for value, bound in zip(share.unbind(), at_least, strict=True)
    )
