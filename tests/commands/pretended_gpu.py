"""A device that is not the CPU, for machines without one.

Its tensors are kept and computed on the CPU, so its numbers are the CPU's. But like those of a GPU
they cannot be mixed with tensors of the CPU, and it counts where a program would have to wait for
the device (`WAITS`). Registers the device for the whole process: import it in one of its own.
"""

import traceback
from collections import Counter

import torch
from operations import waits
from torch import Tensor
from torch.utils import backend_registration
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map_only


class Backend(backend_registration._DummyBackendModule):
    def get_amp_supported_dtype(self):
        return [torch.float16]


backend_registration._setup_privateuseone_for_python_backend("pretended", Backend())
DEVICE = torch.device("pretended", 0)

aten = torch.ops.aten
BETWEEN_DEVICES = {  # may have tensors of both: copies, and what takes positions from the CPU
    aten.copy_.default,
    aten._to_copy.default,
    aten.index.Tensor,
    aten.index_put.default,
    aten.index_put_.default,
    aten._index_put_impl_.default,
}
OWN_CODE = "/dual_weighting/"  # in the path of a file
WAITS: Counter[str] = Counter()  # how often `OWN_CODE` waited for the device, by place


class DeviceTensor(Tensor):
    """A tensor of the pretended device; `on_cpu` has its numbers."""

    @staticmethod
    def __new__(cls, on_cpu: Tensor):
        return Tensor._make_wrapper_subclass(
            cls,
            on_cpu.size(),
            strides=on_cpu.stride(),
            storage_offset=on_cpu.storage_offset(),
            dtype=on_cpu.dtype,
            layout=on_cpu.layout,
            device=DEVICE,
            requires_grad=on_cpu.requires_grad,
        )

    def __init__(self, on_cpu: Tensor):
        self.on_cpu = on_cpu

    def __repr__(self):
        return f"DeviceTensor({self.on_cpu})"

    def __tensor_flatten__(self):
        return ["on_cpu"], None

    @staticmethod
    def __tensor_unflatten__(inner, meta, size, stride):
        return DeviceTensor(inner["on_cpu"])

    def tolist(self):
        return self.cpu().tolist()

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return run(func, args, kwargs or {})


class PretendedGPU(TorchDispatchMode):
    """Context manager, inside of which tensors may be made on `DEVICE`."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return run(func, args, kwargs or {})


def run(func, args: tuple, kwargs: dict):
    """An operation, on the CPU whatever its device."""
    tensors = [x for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)]
    inputs = [x for x in tensors if isinstance(x, DeviceTensor)]
    strangers = [x for x in tensors if not isinstance(x, DeviceTensor) and x.dim() > 0]
    if inputs and strangers and func not in BETWEEN_DEVICES:
        sizes = [tuple(x.shape) for x in strangers]
        raise RuntimeError(f"{func} of tensors on {DEVICE} and, of sizes {sizes}, on the CPU")

    on_device = bool(inputs)
    if func is aten.copy_.default:
        on_device = isinstance(args[0], DeviceTensor)
    elif kwargs.get("device") is not None:
        on_device = kwargs["device"].type == DEVICE.type
    if inputs and (not on_device or waits(func.name().partition(".")[0], args, kwargs)):
        WAITS.update([place()] if place() else [])

    arguments, options = tree_map_only(DeviceTensor, lambda x: x.on_cpu, (args, kwargs))
    if "device" in options:
        options["device"] = torch.device("cpu")
    result = func(*arguments, **options)
    if not on_device:
        return result
    result = tree_map_only(Tensor, DeviceTensor, result)
    return return_and_correct_aliasing(func, args, kwargs, result) if inputs else result


def place() -> str | None:
    """The innermost function of `OWN_CODE` that is running, as "file.py: function"."""
    for frame in reversed(traceback.extract_stack()):
        if OWN_CODE in frame.filename:
            return f"{frame.filename.rpartition('/')[2]}: {frame.name}"
    return None
