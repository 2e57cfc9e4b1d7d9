"""The training step."""

import logging
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from detectron2.engine import SimpleTrainer, create_ddp_model
from detectron2.utils import comm
from omegaconf import DictConfig
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from dual_weighting.config.load import build
from dual_weighting.engine import finite_loss
from dual_weighting.engine.prefetch import prefetched
from dual_weighting.utils.errors import UserError

logger = logging.getLogger(__name__)


class EndOfTraining(BaseException):
    """Raised by hooks to end training before the last iteration, as a success.

    Not an `Exception`, which Detectron2's training loop logs as a failure.
    """


class Trainer(SimpleTrainer):
    """Detectron2's trainer with mixed precision, gradient accumulation and gradient clipping. It
    stops in the very iteration in which a loss is not finite.

    An iteration is one optimizer step. With `accumulate` = N, it processes N batches one after the
    other, in the memory of one, and averages gradients and reported losses. Compared to a single
    batch N times as large,

    - the number of images per step is the same, and so is everything that counts steps: learning
      rate, training progress, weight averaging, periods;
    - losses that are normalized by a number of their batch, such as its positives, differ: each
      batch is normalized by its own number, so objects in batches with few of them weigh more;
    - layers with batch statistics (BatchNorm, SyncBN) differ.

    Attributes:
        waiting_since: the time since which the trainer has been waiting for a batch, or None.
    """

    def __init__(
        self,
        model: nn.Module,
        data_loader: Iterable[list[dict]],
        optimizer: torch.optim.Optimizer,
        *,
        accumulate: int = 1,
        clip_grad_norm: float | None = None,
        precision: torch.dtype | None = None,
    ) -> None:
        """
        Args:
            model: returns its losses by name; may be wrapped in DDP.
            accumulate: batches per step.
            clip_grad_norm: largest L2 norm of all gradients together, or None. The norm before
                clipping is logged as `grad_norm`.
            precision: dtype of autocast, or None for no autocast. float16 comes with loss scaling,
                since its small gradients would underflow.
        """
        super().__init__(model, data_loader, optimizer)
        self.accumulate = accumulate
        self.clip_grad_norm = clip_grad_norm
        self.precision = precision
        self.device = next(model.parameters()).device
        scaled = precision is torch.float16
        self.grad_scaler = torch.amp.GradScaler(self.device.type, enabled=scaled)
        self.waiting_since: float | None = None

    def train(self, start_iter: int, max_iter: int) -> None:
        """Run the iterations from `start_iter` to `max_iter`, or until a hook ends training."""
        try:
            super().train(start_iter, max_iter)
        except EndOfTraining as end:
            logger.info("%s", end)
        finally:
            if hasattr(self._data_loader_iter_obj, "close"):  # a generator, with a thread
                self._data_loader_iter_obj.close()

    def run_step(self) -> None:
        self.optimizer.zero_grad()
        all_losses, files, data_time = [], [], 0.0
        for k in range(self.accumulate):
            batch, seconds = self._next_batch()
            with self._gradients_kept(until_last=k < self.accumulate - 1):
                losses = self._losses(batch)
                self.grad_scaler.scale(sum(losses.values()) / self.accumulate).backward()
            finite_loss.check_losses(losses, iteration=self.iter, batch=batch)
            all_losses.append(losses)
            files.append(finite_loss.file_names(batch))
            data_time += seconds
        self.after_backward()
        self._clip_gradients(files)
        self._write_metrics(mean_of(all_losses), data_time)
        self.grad_scaler.step(self.optimizer)
        self.grad_scaler.update()

    def _next_batch(self) -> tuple[list[dict], float]:
        """The next batch, and the seconds spent waiting for it."""
        self.waiting_since = start = time.perf_counter()
        batch = next(self._data_loader_iter)
        self.waiting_since = None
        return batch, time.perf_counter() - start

    def _gradients_kept(self, *, until_last: bool) -> AbstractContextManager:
        """Gradients are synchronized only after the last batch of a step."""
        wrapped = isinstance(self.model, DistributedDataParallel)
        return self.model.no_sync() if until_last and wrapped else nullcontext()

    def _losses(self, batch: list[dict]) -> dict[str, Tensor]:
        enabled = self.precision is not None
        with torch.autocast(self.device.type, dtype=self.precision, enabled=enabled):
            return self.model(batch)

    def _clip_gradients(self, files: list[str]) -> None:
        if self.clip_grad_norm is None:
            return
        self.grad_scaler.unscale_(self.optimizer)
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        norm = nn.utils.clip_grad_norm_(parameters, self.clip_grad_norm).item()
        if not self.grad_scaler.is_enabled():
            finite_loss.check_gradient(norm, iteration=self.iter, files=files)
        # Loss scaling skips steps with infinite gradients by itself.
        if math.isfinite(norm):
            self.storage.put_scalar("grad_norm", norm)

    def state_dict(self) -> dict:
        state = super().state_dict()
        state.pop("hooks", None)  # hooks derive their state from the iteration
        if self.grad_scaler.is_enabled():
            state["grad_scaler"] = self.grad_scaler.state_dict()
        return state

    def load_state_dict(self, state_dict: dict) -> None:
        check_optimizer_state(self.optimizer, state_dict["optimizer"])
        super().load_state_dict({k: v for k, v in state_dict.items() if k != "hooks"})
        if self.grad_scaler.is_enabled() and "grad_scaler" in state_dict:
            self.grad_scaler.load_state_dict(state_dict["grad_scaler"])


def check_optimizer_state(optimizer: torch.optim.Optimizer, state: Mapping) -> None:
    """Raise `ValueError` unless `state` matches the optimizer's parameters in number and shape.
    torch loads any state, and some optimizers then write out of bounds."""
    groups = [len(group["params"]) for group in optimizer.param_groups]
    found = [len(group["params"]) for group in state["param_groups"]]
    if groups != found:
        raise ValueError(f"optimizer state of {found} parameters for {groups}")
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    numbers = [number for group in state["param_groups"] for number in group["params"]]
    for number, parameter in zip(numbers, parameters, strict=True):
        for name, value in state["state"].get(number, {}).items():
            shape = tuple(value.shape) if isinstance(value, Tensor) else ()
            if shape not in ((), (1,), tuple(parameter.shape)):
                raise ValueError(f"{name} of shape {shape} for {tuple(parameter.shape)}")


def mean_of(losses: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of each loss over the batches, detached."""
    return {name: torch.stack([x[name].detach() for x in losses]).mean() for name in losses[0]}


def build_trainer(cfg: DictConfig, model: nn.Module) -> Trainer:
    """The trainer of `model`, with the optimizer and data of `cfg`."""
    batch = cfg.dataloader.train.get("total_batch_size", 0)
    if not isinstance(batch, int) or batch < 1:
        raise UserError(f"dataloader.train.total_batch_size={batch} is invalid: use 1 or more.")
    if batch % comm.get_world_size():
        raise UserError(
            f"dataloader.train.total_batch_size={batch} cannot be divided "
            f"among {comm.get_world_size()} processes."
        )
    if hasattr(model, "max_iter"):  # the config may not set it
        model.max_iter = cfg.train.max_iter
    cfg.optimizer.params.model = model
    optimizer = build(cfg, "optimizer")
    loader = build(cfg, "dataloader.train")
    device = next(model.parameters()).device
    ddp = dict(cfg.train.ddp)
    if device.type == "cpu":
        ddp["device_ids"] = None
    workers = cfg.dataloader.train.get("num_workers", 0)
    return Trainer(
        create_ddp_model(model, **ddp),
        prefetched(loader, device) if workers else loader,
        optimizer,
        accumulate=cfg.train.accumulate,
        clip_grad_norm=cfg.train.clip_grad_norm,
        precision=autocast_dtype(cfg.train.amp, device),
    )


PRECISIONS = {"float16": torch.float16, "bfloat16": torch.bfloat16}


def autocast_dtype(amp: DictConfig, device: torch.device) -> torch.dtype | None:
    """The dtype that autocast uses on `device` as `train.amp` says; None where it is off."""
    if not amp.enabled:
        return None
    if amp.dtype not in PRECISIONS:
        raise UserError(f"train.amp.dtype={amp.dtype} is unknown: use {' or '.join(PRECISIONS)}.")
    if amp.dtype == "float16" and device.type == "cpu":
        raise UserError(
            "train.amp.enabled=True needs a GPU for float16: "
            "use train.amp.dtype=bfloat16 or train.amp.enabled=False."
        )
    return PRECISIONS[amp.dtype]
