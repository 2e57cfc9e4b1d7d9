"""Training hooks, in addition to Detectron2's."""

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
    """Logs `peak_memory_mib`, the peak memory so far: of tensors on a GPU, of the process on a
    CPU."""

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
    """Peak memory of this process in bytes; None on Windows, which does not report it."""
    try:
        import resource
    except ImportError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


class DataTimeHook(HookBase):
    """Warns once, after `steps` steps, if more than `share` of their time was spent waiting for
    data. Main process only; register after `IterationTimer`."""

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
    """Detectron2's `EvalHook`, but a training that fails in its last iteration is not evaluated."""

    def after_train(self) -> None:
        # trainer.iter reaches max_iter only after the last iteration has succeeded.
        self._eval_after_train = self.trainer.iter >= self.trainer.max_iter
        super().after_train()


BEST = "model_best"


class BestCheckpointer(hooks.BestCheckpointer):
    """Detectron2's `BestCheckpointer`, except that a resumed run continues from its best result so
    far, and a training that fails in its last iteration saves nothing.

    Main process only; register after `EvalHook`.
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
            eval_period: same as for `EvalHook`.
            checkpointer: saves the evaluated weights, `resumable=False`.
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
    """Stops training after `patience` consecutive evaluations without an improvement.

    The last checkpoint is saved as model_final.pth, and the deciding evaluation is the last one.
    Its only state is the history of the metric, which metrics.json has too, so that a resumed run
    decides like an uninterrupted one. For all processes; register after `EvalHook`.
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
            eval_period: same as for `EvalHook`.
            metric: a name in metrics.json, such as "bbox/AP".
            mode: whether "max" or "min" is better.
            patience: number of evaluations.
            min_delta: smallest change that counts as an improvement.
            values: of the metric in the evaluations so far; used in the main process only.
        """
        self._period = eval_period
        self._checkpointer = checkpointer
        self.metric = metric
        self._better = {"mode": mode, "min_delta": min_delta}
        self._patience = patience
        self._values = list(values)

    def is_over(self) -> bool:
        """Whether to stop; the same answer in all processes."""
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
        """The reason for stopping, for the log."""
        count = self._patience
        return (
            f"Early stopping after {done} iterations: {self.metric} did not improve in the last "
            + (f"{count} evaluations" if count > 1 else "evaluation")
        )


def evaluations_without_improvement(
    values: Iterable[float], *, mode: str, min_delta: float = 0.0
) -> int:
    """The number of trailing `values` that did not improve on the best before them by more than
    `min_delta`. NaN, from evaluations without detections, is never an improvement.

    Args:
        mode: whether "max" or "min" is better.
    """
    sign = 1 if mode == "max" else -1
    best, without = -math.inf, 0
    for value in values:
        better = sign * value > best + min_delta
        best, without = (sign * value, 0) if better else (best, without + 1)
    return without
