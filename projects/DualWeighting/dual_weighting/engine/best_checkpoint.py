"""The weights of the best evaluation, kept as model_best.pth."""

from pathlib import Path

import torch
from detectron2.engine import hooks

from dual_weighting.checkpoint import Checkpointer
from dual_weighting.errors import UserError

BEST = "model_best"


class BestCheckpointer(hooks.BestCheckpointer):
    """Detectron2's, except that a resumed run goes on from the best so far, which model_best.pth
    names itself, that this file is never resumed from, and that failed trainings add nothing.

    For the main process alone; after `EvalHook`.
    """

    def __init__(
        self, eval_period: int, checkpointer: Checkpointer, *, metric: str, mode: str = "max"
    ) -> None:
        """
        Args:
            eval_period: that of `EvalHook`.
            checkpointer: of the weights that are evaluated, `resumable=False`.
            metric: a name in metrics.json, such as "bbox/AP".
            mode: "max" or "min", what is better.
        """
        super().__init__(eval_period, _Signed(checkpointer, self), metric, mode, BEST)
        self.metric = metric
        self._folder = Path(checkpointer.save_dir)

    def resume(self) -> None:
        """Continue from the best that an earlier part of this run has left."""
        value, iteration = best_in(self._folder / f"{BEST}.pth", self.metric)
        self.best_metric, self.best_iter = value, iteration

    def after_train(self) -> None:
        # trainer.iter reaches max_iter only after the last iteration has succeeded.
        if self.trainer.iter >= self.trainer.max_iter:
            self._best_checking()


class _Signed:
    """A checkpointer that writes the metric and its value into the file."""

    def __init__(self, checkpointer: Checkpointer, hook: BestCheckpointer) -> None:
        self._checkpointer = checkpointer
        self._hook = hook

    def save(self, name: str, *, iteration: int) -> None:
        value, _ = self._hook.trainer.storage.latest()[self._hook.metric]
        best = {"metric": self._hook.metric, "value": value}
        self._checkpointer.save(name, iteration=iteration, best=best)


def best_in(file: Path, metric: str) -> tuple[float | None, int | None]:
    """The value of `metric` and the iteration of the checkpoint `file`; Nones where it has none."""
    if not file.is_file():
        return None, None
    try:
        content = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
        best = content.get("best", {})
        if best.get("metric") != metric:
            return None, None
        return float(best["value"]), int(content["iteration"])
    except Exception as error:  # of as many kinds as there are ways to damage a file
        raise UserError(f"The checkpoint {file} is damaged: delete it to go on.") from error
