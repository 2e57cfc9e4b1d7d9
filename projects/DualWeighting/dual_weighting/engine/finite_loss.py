"""Losses and gradients that are no number stop a training, or their steps are skipped."""

import logging
import math
from collections.abc import Iterable, Mapping, Sequence

import torch
import torch.distributed as dist
from detectron2.utils import comm
from torch import Tensor, nn

from dual_weighting.utils.errors import UserError

logger = logging.getLogger(__name__)


class NotFinite(UserError):
    """A loss or a gradient is NaN or infinite; raised in every process.

    Attributes:
        what: which, in which iteration and on which images.
    """

    def __init__(self, what: str) -> None:
        super().__init__(
            f"Training stopped: {what}; look at these images and their boxes, "
            "lower optimizer.lr, or go on without such steps: train.on_bad_loss=skip."
        )
        self.what = what


def check_losses(
    losses: Mapping[str, torch.Tensor], *, iteration: int, batch: Iterable[dict]
) -> None:
    """Raise `NotFinite` in every process when a loss of any process is NaN or infinite.

    `losses`: scalars by name. `batch`: Detectron2's dataset dicts, whose `file_name`s the error
    lists. Waits for the device once. To be called between the backward pass and the optimizer's
    step.
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
    raise NotFinite("; ".join(text for text in messages if text))


def check_gradient(norm: float, *, iteration: int, files: Sequence[str]) -> None:
    """Raise `NotFinite` when the `norm` of all gradients, the same in every process, is no number.

    `files`: of this process's images. Not for gradients of a scaled loss: the scaler takes care of
    infinite ones.
    """
    if not math.isfinite(norm):
        images = ", ".join(comm.all_gather(", ".join(files)))
        raise NotFinite(
            f"the norm of the gradients is {norm} in iteration {iteration}, on the images {images}"
        )


def file_names(batch: Iterable[dict]) -> str:
    return ", ".join(str(image.get("file_name", "an unnamed image")) for image in batch)


class SkippedSteps:
    """Counts the steps that a training did without.

    Attributes:
        total: of the whole training.
        in_a_row: up to now.
    """

    def __init__(self, *, max_in_a_row: int) -> None:
        """`max_in_a_row`: so many are no accident but the end of the training."""
        self.max_in_a_row = max_in_a_row
        self.total = self.in_a_row = 0

    def add(self, problem: NotFinite) -> None:
        """Count one more; raises `UserError` where it is one too many in a row."""
        self.total += 1
        self.in_a_row += 1
        if self.in_a_row >= self.max_in_a_row:
            raise UserError(
                f"Training stopped after {self.in_a_row} skipped iterations in a row "
                f"(train.max_skipped_in_a_row), the last because {problem.what}; "
                "lower optimizer.lr, or go on from an earlier checkpoint."
            ) from problem
        logger.warning("Skipped, no step is taken: %s (%d so far)", problem.what, self.total)


class Buffers:
    """The buffers of a model, such as the statistics of BatchNorm, as they were before a step."""

    def __init__(self, model: nn.Module) -> None:
        self._buffers: list[Tensor] = list(model.buffers())
        self._kept = [buffer.clone() for buffer in self._buffers]

    def keep(self) -> None:
        """Remember them as they are now."""
        if self._kept:
            torch._foreach_copy_(self._kept, self._buffers)

    def restore(self) -> None:
        """Set them to what was remembered."""
        if self._kept:
            torch._foreach_copy_(self._buffers, self._kept)
