"""What runs around the training steps, as a config says."""

from pathlib import Path

from detectron2.config import instantiate
from detectron2.engine import HookBase, hooks
from detectron2.utils import comm
from omegaconf import DictConfig
from torch import nn

from dual_weighting.checkpoint import Checkpointer
from dual_weighting.engine.assignment_snapshots import build_snapshots
from dual_weighting.engine.best_checkpoint import BestCheckpointer
from dual_weighting.engine.early_stopping import EarlyStopping
from dual_weighting.engine.ema import EMAHook, WeightAverage
from dual_weighting.engine.hooks import EvalHook, PeakMemoryHook
from dual_weighting.engine.machine_faults import LoaderWatch
from dual_weighting.engine.metrics_file import metric_values
from dual_weighting.engine.progress_bar import ProgressBar, on_terminal
from dual_weighting.engine.signals import StopHook
from dual_weighting.engine.skipped_images import SkippedImagesHook
from dual_weighting.engine.training_options import option
from dual_weighting.engine.validation import Validation
from dual_weighting.engine.writers import build_writers
from dual_weighting.errors import UserError


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
        build_skipped_images(cfg),
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


def build_skipped_images(cfg: DictConfig) -> SkippedImagesHook | None:
    """The hook that counts images, None where a bad one stops the training."""
    mapper = cfg.dataloader.train.get("mapper") or {}
    if mapper.get("on_bad_image", "stop") == "stop":
        return None
    before = metric_values(Path(cfg.train.output_dir, "metrics.json"), "skipped_images")
    return SkippedImagesHook(cfg.train.log_period, before=before[-1] if before else 0)


def build_early_stopping(cfg: DictConfig, checkpointer: Checkpointer) -> EarlyStopping | None:
    """The hook of `cfg.train.early_stopping`, None where it is off."""
    stopping = option(cfg, "early_stopping")
    if stopping is None:
        return None
    values = metric_values(Path(cfg.train.output_dir, "metrics.json"), stopping["metric"])
    return EarlyStopping(cfg.train.eval_period, checkpointer, **stopping, values=values)
