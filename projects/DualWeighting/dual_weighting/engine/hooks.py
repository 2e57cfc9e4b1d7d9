"""What happens around the steps of a training, beside Detectron2's own hooks."""

import logging
import math
import sys
from collections.abc import Iterable, Mapping, Sequence

import torch
from detectron2.engine import HookBase, hooks
from detectron2.utils import comm

from dual_weighting.checkpoint import Checkpointer
from dual_weighting.engine.trainer import EndOfTraining

logger = logging.getLogger(__name__)


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


class DataTimeHook(HookBase):
    """Says once, after `steps` steps, when a large share of their time was spent on waiting for
    data. For the main process alone; after `IterationTimer`."""

    def __init__(self, *, steps: int = 100, share: float = 0.1) -> None:
        self._steps, self._share = steps, share

    def after_step(self) -> None:
        if self.trainer.iter + 1 != self.trainer.start_iter + self._steps:
            return
        histories = self.trainer.storage.histories()
        waiting, step = (histories[name].avg(self._steps // 2) for name in ("data_time", "time"))
        if waiting > self._share * step:
            logger.warning(
                "Training waits for data %.0f %% of the time: raise dataloader.train.num_workers "
                "if there are idle processors, or store smaller images.",
                100 * waiting / step,
            )


class EvalHook(hooks.EvalHook):
    """Detectron2's, except that a training that fails in its last iteration is not evaluated."""

    def after_train(self) -> None:
        # trainer.iter reaches max_iter only after the last iteration has succeeded.
        self._eval_after_train = self.trainer.iter >= self.trainer.max_iter
        super().after_train()


BEST = "model_best"


class BestCheckpointer(hooks.BestCheckpointer):
    """Detectron2's `BestCheckpointer`, except that a resumed run continues from the best result of
    its earlier parts, and a training that fails in its last iteration saves nothing.

    For the main process alone; after `EvalHook`.
    """

    def __init__(
        self,
        eval_period: int,
        checkpointer: Checkpointer,
        *,
        metric: str,
        mode: str,
        history: Mapping[int, float] | None = None,
    ) -> None:
        """
        Args:
            eval_period: that of `EvalHook`.
            checkpointer: of the evaluated weights, with `resumable=False`.
            metric: a name in metrics.json, such as "bbox/AP".
            mode: whether "max" or "min" is better.
            history: earlier values of the metric by iteration.
        """
        super().__init__(eval_period, checkpointer, metric, mode, BEST)
        for iteration, value in (history or {}).items():
            if self.best_metric is None or self._compare(value, self.best_metric):
                self._update_best(value, iteration)

    def after_train(self) -> None:
        # trainer.iter reaches max_iter only after the last iteration has succeeded.
        if self.trainer.iter >= self.trainer.max_iter:
            self._best_checking()


class EarlyStopping(HookBase):
    """Ends the training when `patience` evaluations in a row were not better than the best before.

    The last checkpoint is saved as model_final.pth; the evaluation that decided is the last one.
    For all processes; after `EvalHook`. Keeps nothing but the values of the metric, which
    metrics.json has as well, so that a resumed run decides as an undisturbed one.
    """

    def __init__(
        self,
        eval_period: int,
        checkpointer: Checkpointer,
        *,
        metric: str,
        mode: str,
        patience: int,
        min_delta: float,
        values: Sequence[float] = (),
    ) -> None:
        """
        Args:
            eval_period: that of `EvalHook`.
            metric, mode: a name in metrics.json, and "max" or "min", what is better.
            patience: evaluations.
            min_delta: how much better an evaluation must be to count as such.
            values: of the metric in the evaluations so far. Read in the main process only.
        """
        self._period = eval_period
        self._checkpointer = checkpointer
        self.metric = metric
        self._better = {"mode": mode, "min_delta": min_delta}
        self._patience = patience
        self._values = list(values)

    def is_over(self) -> bool:
        """Whether the training has to end, the same in all processes."""
        over = evaluations_without_improvement(self._values, **self._better) >= self._patience
        return comm.all_gather(over)[0]

    def after_step(self) -> None:
        done = self.trainer.iter + 1
        if done % self._period or done == self.trainer.max_iter:
            return
        if comm.is_main_process():
            self._values.append(self.trainer.storage.latest()[self.metric][0])
        if self.is_over():
            self._checkpointer.save("model_final", iteration=self.trainer.iter)
            raise EndOfTraining(self.reason(done))

    def reason(self, done: int) -> str:
        """A line for the log."""
        count = self._patience
        return (
            f"Early stopping after {done} iterations: {self.metric} was not better than before "
            + (f"in {count} evaluations in a row" if count > 1 else "in the last evaluation")
        )


def evaluations_without_improvement(
    values: Iterable[float], *, mode: str, min_delta: float = 0.0
) -> int:
    """How many of the last `values` are not better than the best before them by over `min_delta`.

    `mode`: "max" or "min", what is better. NaN, as where nothing was detected, never is.
    """
    sign = 1 if mode == "max" else -1
    best, without = -math.inf, 0
    for value in values:
        better = sign * value > best + min_delta
        best, without = (sign * value, 0) if better else (best, without + 1)
    return without
