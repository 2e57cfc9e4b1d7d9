"""Trainers that stop at the very iteration in which a loss is no number."""

import math
from collections.abc import Iterable, Iterator, Mapping

import torch
import torch.distributed as dist
from detectron2.engine import AMPTrainer, SimpleTrainer
from detectron2.utils import comm

from dual_weighting.errors import UserError


class RememberLast:
    """A data loader that keeps the batch it gave last."""

    def __init__(self, data_loader: Iterable) -> None:
        self._data_loader = data_loader
        self.batch: list[dict] = []

    def __iter__(self) -> Iterator[list[dict]]:
        for batch in self._data_loader:
            self.batch = batch
            yield batch


class FiniteLossMixin:
    """Refuses losses that are NaN or infinite before the optimizer has used their gradients.

    For `SimpleTrainer` and its subclasses, which report the losses of each iteration between the
    backward pass and the optimizer's step. Gradients are not looked at: under mixed precision
    the scaler takes care of infinite ones.
    """

    def __init__(self, model, data_loader: Iterable, optimizer, **kwargs) -> None:
        super().__init__(model, RememberLast(data_loader), optimizer, **kwargs)

    def _write_metrics(self, loss_dict: Mapping[str, torch.Tensor], data_time: float, **kwargs):
        check_losses(loss_dict, iteration=self.iter, batch=self.data_loader.batch)
        super()._write_metrics(loss_dict, data_time, **kwargs)


class FiniteLossTrainer(FiniteLossMixin, SimpleTrainer):
    """`SimpleTrainer` that stops at a loss which is no number."""


class FiniteLossAMPTrainer(FiniteLossMixin, AMPTrainer):
    """`AMPTrainer` that stops at a loss which is no number."""


def check_losses(
    losses: Mapping[str, torch.Tensor], *, iteration: int, batch: Iterable[dict]
) -> None:
    """Raise `UserError` in every process when a loss of any process is NaN or infinite.

    `losses`: scalars by name. `batch`: Detectron2's dataset dicts, whose `file_name`s the error
    lists. Waits for the device once.
    """
    values = torch.stack([value.detach().float() for value in losses.values()])
    wrong = (~values.isfinite()).any().float()
    if comm.get_world_size() > 1:
        dist.all_reduce(wrong)
    if wrong.item() == 0:
        return
    named = zip(losses, values.tolist(), strict=True)
    bad = [f"{name} is {value}" for name, value in named if not math.isfinite(value)]
    files = ", ".join(str(image.get("file_name", "an unnamed image")) for image in batch)
    message = f"{' and '.join(bad)} in iteration {iteration}, on the images {files}" if bad else ""
    messages = [text for text in comm.all_gather(message) if text]
    raise UserError(
        f"Training stopped: {'; '.join(messages)}; look at these images and their boxes, "
        "or lower optimizer.lr."
    )
