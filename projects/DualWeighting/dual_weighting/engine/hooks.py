"""What happens around the steps of a training, beside Detectron2's own hooks."""

import sys

import torch
from detectron2.engine import HookBase, hooks


class PeakMemoryHook(HookBase):
    """Reports `peak_memory_mib`, the most memory so far: of tensors on the GPU, or on a CPU of the
    whole process."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def after_step(self) -> None:
        if self._device.type == "cuda":
            peak = torch.cuda.max_memory_allocated(self._device)
        else:
            peak = peak_memory_of_process()
        if peak is not None:
            self.trainer.storage.put_scalar("peak_memory_mib", peak / 2**20, smoothing_hint=False)


def peak_memory_of_process() -> int | None:
    """The most memory that this process has had, bytes; None on Windows, which does not say it."""
    try:
        import resource
    except ImportError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


class EvalHook(hooks.EvalHook):
    """Detectron2's, except that a training that fails in its last iteration is not evaluated."""

    def after_train(self) -> None:
        # trainer.iter reaches max_iter only after the last iteration has succeeded.
        self._eval_after_train = self.trainer.iter >= self.trainer.max_iter
        super().after_train()
