"""Ending a training whose evaluations have stopped to get better."""

import math
from collections.abc import Iterable, Sequence

from detectron2.engine import HookBase
from detectron2.utils import comm

from dual_weighting.checkpoint import Checkpointer
from dual_weighting.engine.trainer import EndOfTraining


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
        mode: str = "max",
        patience: int,
        min_delta: float = 0.0,
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
