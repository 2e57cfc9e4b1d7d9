"""Stops training at a loss or gradient that is not finite."""

import math
from collections.abc import Iterable, Mapping, Sequence

import torch
import torch.distributed as dist
from detectron2.utils import comm

from dual_weighting.utils.errors import UserError


def check_losses(
    losses: Mapping[str, torch.Tensor], *, iteration: int, batch: Iterable[dict]
) -> None:
    """Raise `UserError` in every process if a loss in any process is NaN or infinite.

    Synchronizes with the device once. Call it between backward pass and optimizer step.

    Args:
        losses: scalars by name.
        batch: Detectron2's dataset dicts, whose `file_name`s the error lists.
    """
    values = torch.stack([value.detach().float() for value in losses.values()])
    wrong = (~values.isfinite()).any().float()
    if comm.get_world_size() > 1:
        dist.all_reduce(wrong)
    if wrong.item() == 0:
        return
    named = zip(losses, values.tolist(), strict=True)
    bad = [f"{name} is {value}" for name, value in named if not math.isfinite(value)]
    where = f"in iteration {iteration}, on the images {file_names(batch)}"
    messages = comm.all_gather(f"{' and '.join(bad)} {where}" if bad else "")
    raise stopped("; ".join(text for text in messages if text))


def check_gradient(norm: float, *, iteration: int, files: Sequence[str]) -> None:
    """Raise `UserError` if the `norm` of all gradients, the same in every process, is not finite.

    Not for gradients of a scaled loss: the scaler skips steps in which they are infinite.

    Args:
        files: images of this process.
    """
    if not math.isfinite(norm):
        images = ", ".join(comm.all_gather(", ".join(files)))
        raise stopped(
            f"the norm of the gradients is {norm} in iteration {iteration}, on the images {images}"
        )


def file_names(batch: Iterable[dict]) -> str:
    return ", ".join(str(image.get("file_name", "an unnamed image")) for image in batch)


def stopped(what: str) -> UserError:
    return UserError(
        f"Training stopped: {what}; check these images and their boxes, or lower optimizer.lr."
    )
