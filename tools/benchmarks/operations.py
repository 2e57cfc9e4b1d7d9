"""What a piece of code asks of torch: operations, memory, and waiting for the device."""

import weakref
from collections.abc import Iterable

import torch
from torch import Tensor
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
    """Context manager; `count` is the number of operations inside, `waits` the names of those for
    which a program on a GPU would wait."""

    def __init__(self):
        super().__init__()
        self.count = 0
        self.waits: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += 1
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


class PeakAllocations(TorchDispatchMode):
    """Context manager; `bytes` is the most that tensors made inside hold at a time. Unlike the
    memory of the process it is the same in every run, and knows nothing of the allocator."""

    def __init__(self, inputs: Iterable[Tensor]):
        """`inputs`: tensors whose memory does not count."""
        super().__init__()
        self.bytes = 0
        self._now = 0
        self._alive = {x.untyped_storage()._cdata: 0 for x in inputs}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for x in tree_leaves(result):
            if isinstance(x, Tensor):
                self._note(x.untyped_storage())
        return result

    def _note(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key in self._alive:
            return
        self._alive[key] = size
        self._now += size
        self.bytes = max(self.bytes, self._now)
        weakref.finalize(storage, self._freed, key)

    def _freed(self, key: int) -> None:
        self._now -= self._alive.pop(key)
