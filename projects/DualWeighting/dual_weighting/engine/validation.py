"""What is done with a model at every evaluation of a training."""

from collections.abc import Callable, Mapping

from detectron2.evaluation.testing import flatten_results_dict
from detectron2.utils import comm

from dual_weighting.errors import UserError


class Validation:
    """The evaluation, and the losses of the validation set where they are wanted.

    The metrics that options of the config name must be among the results.
    """

    def __init__(
        self,
        evaluation: Callable[[], dict],
        validation_loss: Callable[[], dict] | None = None,
        *,
        metrics: Mapping[str, str],
    ) -> None:
        """`metrics`: name of a metric by the key of the config that has it."""
        self._parts = [part for part in (evaluation, validation_loss) if part is not None]
        self._metrics = dict(metrics)

    def __call__(self) -> dict:
        """Metrics by task, and `val_loss_...`; empty but in the main process."""
        results: dict = {}
        for part in self._parts:
            results.update(part() or {})
        if comm.is_main_process():
            available = flatten_results_dict(results)
            for key, metric in self._metrics.items():
                check_metric(key, metric, available)
        return results


def check_metric(key: str, metric: str, available: Mapping[str, float]) -> None:
    """Raise `UserError` unless `metric`, the value of the config's `key`, is `available`."""
    if metric not in available:
        raise UserError(
            f"{key}={metric} is no metric of this evaluation: "
            f"use one of {', '.join(sorted(available))}."
        )
