"""Exponential moving average (EMA) of the weights, for evaluation and checkpoints."""

from collections.abc import Sequence

import torch
from detectron2.engine import HookBase
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


class WeightAverage:
    """The moving average of a model's weights over its training steps.

    Checkpoints store the averaged weights as "model", so that every consumer uses them. The weights
    that training continues with are stored next to them.

    Attributes:
        model: a copy of the model with the averaged weights.
    """

    def __init__(self, model: nn.Module, *, decay: float) -> None:
        """`model`: the detector, not wrapped in DDP, after DDP has synchronized the initial weights
        of all processes."""
        self._decay = decay
        self._trained = model
        self._average = AveragedModel(model, multi_avg_fn=self._average_into, use_buffers=True)
        self.model: nn.Module = self._average.module.requires_grad_(False)

    @property
    def updates(self) -> int:
        """Number of averaged steps."""
        return int(self._average.n_averaged)

    def update(self) -> None:
        """Average in the current weights."""
        self._average.update_parameters(self._trained)

    def hand_over(self) -> None:
        """Start training from the weights loaded into `model`."""
        self._trained.load_state_dict(self.model.state_dict())

    def state_dict(self) -> dict:
        return {"trained": self._trained.state_dict(), "updates": self.updates}

    def load_state_dict(self, state_dict: dict) -> None:
        self._trained.load_state_dict(state_dict["trained"])
        self._average.n_averaged.fill_(state_dict["updates"])

    @torch.no_grad()
    def _average_into(
        self, averages: Sequence[Tensor], values: Sequence[Tensor], updates: Tensor
    ) -> None:
        """Average parameters and floating-point buffers; copy integer buffers, which are counts."""
        if averages[0].is_floating_point():
            decay = ema_decay(int(updates), self._decay)
            get_ema_multi_avg_fn(decay)(averages, values, updates)
        else:
            torch._foreach_copy_(averages, values)


def ema_decay(updates: int, decay: float) -> float:
    """The decay after this many updates: smaller at first, so that the initial weights are quickly
    forgotten, as in TensorFlow's ExponentialMovingAverage."""
    return min(decay, (1 + updates) / (10 + updates))


class EMAHook(HookBase):
    """Updates the average after each step; register before hooks that save or evaluate it."""

    def __init__(self, average: WeightAverage) -> None:
        self._average = average

    def after_step(self) -> None:
        self._average.update()
