"""What happens around the steps of a training, beside Detectron2's own hooks."""

import resource

import torch
from detectron2.engine import HookBase, hooks
from torch import nn


class TrainingProgressHook(HookBase):
    """Tells models how far the training is: 0 at the first iteration, 1 at the last.

    Sets `model.training_progress` before every step, from the trainer's iteration alone, so that
    a resumed run has the right value. A model without that attribute is left as it is.
    """

    def __init__(self, *models: nn.Module) -> None:
        """`models`: the detector itself, not its wrapper for several processes, and the one that
        is evaluated where that is another."""
        self._models = [model for model in models if hasattr(model, "training_progress")]

    def before_step(self) -> None:
        for model in self._models:
            model.training_progress = progress_at(self.trainer.iter, self.trainer.max_iter)


def progress_at(iteration: int, max_iter: int) -> float:
    """How much of a training of `max_iter` iterations is done: 0 at the first, 1 at the last."""
    return min(iteration / max(max_iter - 1, 1), 1.0)


class PeakMemoryHook(HookBase):
    """Reports `peak_memory_mib`, the most memory so far: of tensors on the GPU, or on a CPU of the
    whole process."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def after_step(self) -> None:
        if self._device.type == "cuda":
            peak = torch.cuda.max_memory_allocated(self._device)
        else:
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        self.trainer.storage.put_scalar("peak_memory_mib", peak / 2**20, smoothing_hint=False)


class EvalHook(hooks.EvalHook):
    """Detectron2's, except that a training that fails in its last iteration is not evaluated."""

    def after_train(self) -> None:
        # trainer.iter reaches max_iter only after the last iteration has succeeded.
        self._eval_after_train = self.trainer.iter >= self.trainer.max_iter
        super().after_train()
