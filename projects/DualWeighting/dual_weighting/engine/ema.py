"""An exponential moving average (EMA) of the weights, which is what is evaluated and kept."""

from collections.abc import Sequence

import torch
from detectron2.engine import HookBase
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


class WeightAverage:
    """The average of a model's weights over the steps of its training.

    Checkpoints have the averaged weights as their "model", so that whatever loads one uses them;
    the weights that the training goes on with stand beside them, under this object's name.

    Attributes:
        model: a copy of the model with the averaged weights.
    """

    def __init__(self, model: nn.Module, *, decay: float) -> None:
        """`model`: the detector itself, not its wrapper for several processes, but after that
        wrapper has given all processes the same weights."""
        self._decay = decay
        self._trained = model
        self._average = AveragedModel(model, multi_avg_fn=self._average_into, use_buffers=True)
        self.model: nn.Module = self._average.module.requires_grad_(False)

    @property
    def updates(self) -> int:
        """The number of steps that were averaged."""
        return int(self._average.n_averaged)

    def update(self) -> None:
        """Take in the weights as they are now."""
        self._average.update_parameters(self._trained)

    def hand_over(self) -> None:
        """Let the training begin with the weights that were loaded into `model`."""
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
        """Average parameters and buffers; of a buffer of integers, a count, the value is kept."""
        if averages[0].is_floating_point():
            decay = ema_decay(int(updates), self._decay)
            get_ema_multi_avg_fn(decay)(averages, values, updates)
        else:
            torch._foreach_copy_(averages, values)


def ema_decay(updates: int, decay: float) -> float:
    """The decay after so many updates: `decay` in the end, less at the beginning, where the weights
    are soon forgotten that the training started with. As TensorFlow's ExponentialMovingAverage."""
    return min(decay, (1 + updates) / (10 + updates))


class EMAHook(HookBase):
    """Updates the average after each step, before hooks that save or evaluate it."""

    def __init__(self, average: WeightAverage) -> None:
        self._average = average

    def after_step(self) -> None:
        self._average.update()
