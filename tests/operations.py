"""What code costs: operations of torch, waiting for the device, memory."""

from collections.abc import Callable
from itertools import accumulate

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

# Operations whose result the host has to know before it can go on.
READ_BACK = {
    "aten::_local_scalar_dense",  # int(x), float(x), bool(x), x.item(), x.tolist()
    "aten::nonzero",
    "aten::masked_select",
    "aten::equal",
    "aten::is_nonzero",
    "aten::_unique2",
    "aten::unique_dim",
    "aten::unique_consecutive",
}
# And one that copies numbers of Python, for which the host waits as well: torch.tensor, new_tensor.
SENT = {"aten::lift_fresh"}


class CountOperations(TorchDispatchMode):
    """Context manager; `count` is the number of operations inside that compute, so views are none,
    `waits` the names of those for which a program on a GPU would wait."""

    def __init__(self):
        super().__init__()
        self.count = 0
        self.waits: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += func.namespace == "aten" and not func.is_view
        if waits(func.name().partition(".")[0], args, kwargs or {}):
            self.waits.append(func.name())
        return func(*args, **(kwargs or {}))


def waits(name: str, args: tuple, kwargs: dict) -> bool:
    """Whether a call of this operation keeps the host waiting for the device."""
    if name in READ_BACK or name in SENT:
        return True
    if name.startswith("aten::repeat_interleave"):
        return kwargs.get("output_size") is None
    if name.startswith(("aten::index", "aten::_index")):  # by a mask: its positions are looked up
        return any(
            isinstance(x, Tensor) and x.dtype in (torch.bool, torch.uint8)
            for x in tree_leaves(args[1:2])
        )
    return False


def peak_memory(function: Callable[[], object]) -> int:
    """Bytes on the CPU that a call takes at most, next to what was there before."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        function()
    events = profiler.profiler.kineto_results.events()
    return max(accumulate(event.nbytes() for event in events if event.name() == "[memory]"))
