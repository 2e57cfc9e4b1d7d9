"""Builds the hooks of a training from its config."""

from pathlib import Path

import torch
from detectron2.config import instantiate
from detectron2.engine import HookBase, hooks
from detectron2.utils import comm
from omegaconf import DictConfig, OmegaConf
from torch import nn

from dual_weighting.checkpoint import Checkpointer
from dual_weighting.data.checks.value_types import is_whole
from dual_weighting.engine.assignment_snapshots import build_snapshots
from dual_weighting.engine.ema import EMAHook, WeightAverage
from dual_weighting.engine.evaluation import Evaluation
from dual_weighting.engine.hooks import (
    BestCheckpointer,
    DataTimeHook,
    EarlyStopping,
    EvalHook,
    PeakMemoryHook,
)
from dual_weighting.engine.machine_faults import LoaderWatch
from dual_weighting.engine.progress_bar import ProgressBar, on_terminal
from dual_weighting.engine.signals import StopHook
from dual_weighting.engine.trainer import autocast_dtype
from dual_weighting.engine.writers import build_writers, import_wandb, option
from dual_weighting.report.run import get, read_metrics
from dual_weighting.utils.errors import UserError

WITH_METRIC = ("best_checkpoint", "early_stopping")


def watched_metrics(cfg: DictConfig) -> dict[str, str]:
    """The metrics used by training options, by the config key that names them."""
    options = {name: option(cfg, name) for name in WITH_METRIC}
    return {f"train.{name}.metric": o["metric"] for name, o in options.items() if o is not None}


def check_training_options(cfg: DictConfig, device: torch.device) -> None:
    """Raise `UserError` for invalid options in `cfg.train`, before anything is built."""
    train = cfg.train
    for name in ("amp", "checkpointer", "ddp"):
        require(hasattr(train[name], "keys"), name, train[name], "settings by name")
    least = {"max_iter": 1, "eval_period": 0, "log_period": 1, "accumulate": 1}
    least |= {"checkpointer.period": 1, "assignment_snapshots": 0}
    for name, value in least.items():
        found = OmegaConf.select(train, name)
        require(is_whole(found) and found >= value, name, found, f"a whole number, {value} or more")
    autocast_dtype(train.amp, device)
    clip = train.clip_grad_norm
    require(clip is None or clip > 0, "clip_grad_norm", clip, "a positive number, or null for none")
    for name in WITH_METRIC:
        mode = train[name].mode
        require(mode in ("max", "min"), f"{name}.mode", mode, "max or min")
    if ema := option(cfg, "ema"):
        require(0 < ema["decay"] < 1, "ema.decay", ema["decay"], "a number between 0 and 1")
    if stopping := option(cfg, "early_stopping"):
        patience = stopping["patience"]
        require(patience >= 1, "early_stopping.patience", patience, "1 evaluation or more")
        require(train.eval_period > 0, "eval_period", 0, "a period, which early stopping needs")
    if option(cfg, "wandb") is not None:
        import_wandb()


def require(fine: bool, key: str, value: object, instead: str) -> None:
    """Raise `UserError` unless `fine`."""
    if not fine:
        raise UserError(f"train.{key}={value} is invalid: use {instead}.")


def build_hooks(
    cfg: DictConfig,
    model: nn.Module,
    *,
    average: WeightAverage | None,
    checkpointer: Checkpointer,
    evaluation: Evaluation,
    early_stopping: EarlyStopping | None,
) -> list[HookBase | None]:
    """The hooks in order: the weight average is updated before it is saved, and evaluation runs
    after checkpointing and before hooks that read its metrics."""
    try:
        schedule = instantiate(cfg.lr_multiplier)
    except ValueError as error:
        raise UserError(f"The learning rate schedule is invalid: {error}.") from error
    main = comm.is_main_process()
    bar = main and cfg.train.progress_bar and on_terminal()
    return [
        ProgressBar() if bar else None,
        hooks.IterationTimer(),
        DataTimeHook() if main else None,
        PeakMemoryHook(next(model.parameters()).device),
        hooks.LRScheduler(scheduler=schedule),
        EMAHook(average) if average else None,
        build_snapshots(cfg, model, evaluation.loader) if main else None,
        hooks.PeriodicCheckpointer(checkpointer, **cfg.train.checkpointer) if main else None,
        StopHook(checkpointer),
        LoaderWatch() if cfg.dataloader.train.get("num_workers", 0) else None,
        EvalHook(cfg.train.eval_period, evaluation),
        build_best_checkpointer(cfg, evaluation.model) if main else None,
        early_stopping,
        hooks.PeriodicWriter(build_writers(cfg), period=cfg.train.log_period) if main else None,
    ]


def build_best_checkpointer(cfg: DictConfig, evaluated: nn.Module) -> BestCheckpointer | None:
    """The hook for `cfg.train.best_checkpoint`, or None if it is off."""
    best = option(cfg, "best_checkpoint")
    if best is None:
        return None
    checkpointer = Checkpointer(evaluated, cfg.train.output_dir, resumable=False)
    history = metric_history(cfg, best["metric"])
    return BestCheckpointer(cfg.train.eval_period, checkpointer, **best, history=history)


def build_early_stopping(cfg: DictConfig, checkpointer: Checkpointer) -> EarlyStopping | None:
    """The hook for `cfg.train.early_stopping`, or None if it is off."""
    stopping = option(cfg, "early_stopping")
    if stopping is None:
        return None
    values = list(metric_history(cfg, stopping["metric"]).values())
    return EarlyStopping(cfg.train.eval_period, checkpointer, **stopping, values=values)


def metric_history(cfg: DictConfig, metric: str) -> dict[int, float]:
    """Values of `metric` by iteration from the run's metrics.json; empty without that file."""
    series = get(lambda: read_metrics(Path(cfg.train.output_dir, "metrics.json"))[metric], ((), ()))
    return dict(zip(*series, strict=True))
