"""Losses that are no number stop a training."""

import math
from collections.abc import Iterable, Mapping

import torch
import torch.distributed as dist
from detectron2.utils import comm

from dual_weighting.errors import UserError


def check_losses(
    losses: Mapping[str, torch.Tensor], *, iteration: int, batch: Iterable[dict]
) -> None:
    """Raise `UserError` in every process when a loss of any process is NaN or infinite.

    `losses`: scalars by name. `batch`: Detectron2's dataset dicts, whose `file_name`s the error
    lists. Waits for the device once. To be called between the backward pass and the optimizer's
    step. Gradients are not looked at: under mixed precision the scaler takes care of infinite ones.
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
