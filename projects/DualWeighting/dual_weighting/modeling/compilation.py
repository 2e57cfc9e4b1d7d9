"""torch.compile for the parts of a detector: one graph each, for images and batches of any size."""

import logging
from collections.abc import Callable
from dataclasses import replace
from inspect import isfunction
from typing import Any

import torch
import torch._dynamo
import torch.fx.experimental._config as symbolic_shapes
from torch import nn

from ..assignment import Batch

logger = logging.getLogger(__name__)


def compile_detector(detector: nn.Module, backend: str = "inductor") -> bool:
    """Compile backbone and head in place, and scheme and losses where the detector has them.

    Parameters, their names and checkpoints stay as they are, and copies of the detector are not
    compiled. Compilation happens at the first calls and takes a minute or more.

    Returns:
        Whether it is compiled. Where no working compiler is installed, it stays as it is and a
        warning says so.
    """
    if reason := why_not(next(detector.parameters()).device, backend):
        logger.warning("Nothing is compiled, training and inference run eagerly: %s", reason)
        return False
    keep_equal_sizes_apart()
    for name in ("backbone", "head", "mask_branch", "semantic_head"):
        if hasattr(detector, name):
            getattr(detector, name).compile(dynamic=True, backend=backend)
    if hasattr(detector, "scheme"):
        detector.scheme = CompiledStage(detector.scheme, backend)
        detector.losses = CompiledStage(detector.losses, backend)
    return True


def keep_equal_sizes_apart() -> None:
    """A graph first seen with a square image is otherwise compiled anew for the first other one."""
    symbolic_shapes.use_duck_shape = False


def why_not(device: torch.device, backend: str) -> str:
    """Why `backend` cannot compile for `device`, in one line; empty if it can."""
    torch._dynamo.reset_code(_probe.__code__)
    try:
        torch.compile(_probe, backend=backend)(torch.zeros(2, device=device))
    except Exception as error:  # of as many kinds as compilers can be missing
        return str(error).strip().partition("\n")[0]
    return ""


def _probe(x: torch.Tensor) -> torch.Tensor:
    return x + 1


class CompiledStage:
    """A scheme or its losses as one graph with any number of points, pairs and ground truths.

    Batches with fewer than two ground truths or pairs, of which the compiler would make graphs of
    their own, run eagerly.

    Attributes:
        eager: the stage itself.
    """

    def __init__(self, stage: Callable, backend: str) -> None:
        keep_equal_sizes_apart()
        self.eager = stage
        call = stage if isfunction(stage) else stage.__call__
        self._compiled = torch.compile(call, dynamic=True, fullgraph=True, backend=backend)

    def __call__(self, *arguments: Any) -> Any:
        """`arguments`: those of the stage; the last one is the :class:`Batch`."""
        *assignment, batch = arguments
        if batch.num_gt < 2 or any(len(x.point) < 2 for x in assignment):
            return self.eager(*arguments)
        with torch._dynamo.config.patch(
            capture_scalar_outputs=True,
            capture_dynamic_output_shape_ops=True,
            specialize_float=True,
        ):
            return self._compiled(*assignment, all_tensors(batch))


def all_tensors(batch: Batch) -> Batch:
    """The same batch with a mask of ignored points even where there are none, and the progress as a
    tensor: no graph depends on them."""
    logits, ignored = batch.predictions.cls_logits, batch.ignored
    if ignored is None:
        ignored = logits.new_zeros(batch.num_points, dtype=torch.bool)
    return replace(batch, ignored=ignored, progress=logits.new_full((), batch.progress))
