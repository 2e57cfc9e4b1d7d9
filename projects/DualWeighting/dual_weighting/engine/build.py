"""What runs around the training steps, as a config says."""

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from detectron2.config import instantiate
from detectron2.engine import HookBase, hooks
from detectron2.evaluation.testing import flatten_results_dict
from detectron2.utils import comm
from omegaconf import DictConfig
from torch import nn

from dual_weighting.checkpoint import Checkpointer
from dual_weighting.data.checks.value_types import is_whole
from dual_weighting.engine.assignment_snapshots import build_snapshots
from dual_weighting.engine.ema import EMAHook, WeightAverage
from dual_weighting.engine.hooks import BestCheckpointer, EarlyStopping, EvalHook, PeakMemoryHook
from dual_weighting.engine.machine_faults import LoaderWatch
from dual_weighting.engine.precision import autocast_dtype
from dual_weighting.engine.progress_bar import ProgressBar, on_terminal
from dual_weighting.engine.signals import StopHook
from dual_weighting.engine.writers import build_writers, import_wandb, metric_values
from dual_weighting.utils.errors import UserError


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
        self.evaluation = evaluation
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


WITH_METRIC = ("best_checkpoint", "early_stopping")


def option(cfg: DictConfig, name: str) -> dict | None:
    """The settings in `cfg.train.NAME`, None where its `enabled` is not set."""
    settings = dict(cfg.train.get(name) or {})
    return settings if settings.pop("enabled", False) else None


def named_metrics(cfg: DictConfig) -> dict[str, str]:
    """The metrics that options watch, by the key of the config that names them."""
    options = {name: option(cfg, name) for name in WITH_METRIC}
    return {f"train.{name}.metric": o["metric"] for name, o in options.items() if o is not None}


def check_training_options(cfg: DictConfig, device: torch.device) -> None:
    """Raise `UserError` for options of `cfg.train` that cannot work, before anything is built."""
    for name in ("amp", "checkpointer", "ddp"):
        settings = cfg.train.get(name, {})
        require(hasattr(settings, "keys"), name, settings, "settings by name")
    saved = cfg.train.get("checkpointer", {}).get("period", 1)
    require(is_whole(saved) and saved >= 1, "checkpointer.period", saved, "1 iteration or more")
    max_iter = cfg.train.get("max_iter", 1)
    require(is_whole(max_iter) and max_iter >= 1, "max_iter", max_iter, "1 iteration or more")
    for name, least in (("eval_period", 0), ("log_period", 1)):
        period = cfg.train.get(name, 1)
        require(is_whole(period) and period >= least, name, period, "a number of iterations")
    autocast_dtype(cfg.train.amp, device)
    accumulate = cfg.train.get("accumulate", 1)
    require(isinstance(accumulate, int) and accumulate >= 1, "accumulate", accumulate, "1, 2, ...")
    clip = cfg.train.get("clip_grad_norm")
    require(clip is None or clip > 0, "clip_grad_norm", clip, "a positive number, or null for none")
    for name in WITH_METRIC:
        mode = (option(cfg, name) or {}).get("mode", "max")
        require(mode in ("max", "min"), f"{name}.mode", mode, "max or min")
    if ema := option(cfg, "ema"):
        require(0 < ema["decay"] < 1, "ema.decay", ema["decay"], "a number between 0 and 1")
    if stopping := option(cfg, "early_stopping"):
        patience = stopping["patience"]
        require(patience >= 1, "early_stopping.patience", patience, "1 evaluation or more")
        require(cfg.train.eval_period > 0, "eval_period", 0, "a period, which early stopping needs")
    if option(cfg, "wandb") is not None:
        import_wandb()


def require(fine: bool, key: str, value: object, instead: str) -> None:
    """Raise `UserError` unless `fine`."""
    if not fine:
        raise UserError(f"train.{key}={value} is impossible: use {instead}.")


def build_hooks(
    cfg: DictConfig,
    model: nn.Module,
    *,
    average: WeightAverage | None,
    checkpointer: Checkpointer,
    validation: Validation,
    early_stopping: EarlyStopping | None,
    resumed: bool,
) -> list[HookBase | None]:
    """The hooks in their order: the average is updated before it is saved, the evaluation comes
    after the last checkpoint, and what looks at its metrics after it."""
    try:
        schedule = instantiate(cfg.lr_multiplier)
    except ValueError as error:
        raise UserError(f"The learning rate schedule is impossible: {error}.") from error
    main = comm.is_main_process()
    bar = main and cfg.train.get("progress_bar", True) and on_terminal()
    evaluated = average.model if average else model
    return [
        ProgressBar() if bar else None,
        hooks.IterationTimer(),
        PeakMemoryHook(next(model.parameters()).device),
        hooks.LRScheduler(scheduler=schedule),
        EMAHook(average) if average else None,
        build_snapshots(cfg, model) if main else None,
        hooks.PeriodicCheckpointer(checkpointer, **cfg.train.checkpointer) if main else None,
        StopHook(checkpointer),
        LoaderWatch() if cfg.dataloader.train.get("num_workers", 0) else None,
        EvalHook(cfg.train.eval_period, validation),
        build_best_checkpointer(cfg, evaluated, resumed=resumed) if main else None,
        early_stopping,
        hooks.PeriodicWriter(build_writers(cfg), period=cfg.train.log_period) if main else None,
    ]


def build_best_checkpointer(
    cfg: DictConfig, evaluated: nn.Module, *, resumed: bool
) -> BestCheckpointer | None:
    """The hook of `cfg.train.best_checkpoint`, None where it is off."""
    best = option(cfg, "best_checkpoint")
    if best is None:
        return None
    checkpointer = Checkpointer(evaluated, cfg.train.output_dir, resumable=False)
    hook = BestCheckpointer(cfg.train.eval_period, checkpointer, **best)
    if resumed:
        hook.resume()
    return hook


def build_early_stopping(cfg: DictConfig, checkpointer: Checkpointer) -> EarlyStopping | None:
    """The hook of `cfg.train.early_stopping`, None where it is off."""
    stopping = option(cfg, "early_stopping")
    if stopping is None:
        return None
    values = metric_values(Path(cfg.train.output_dir, "metrics.json"), stopping["metric"])
    return EarlyStopping(cfg.train.eval_period, checkpointer, **stopping, values=values)
