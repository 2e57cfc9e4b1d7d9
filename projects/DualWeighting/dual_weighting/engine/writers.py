"""Where the numbers of a training go."""

import os
from pathlib import Path

from detectron2.utils.events import (
    CommonMetricPrinter,
    EventWriter,
    TensorboardXWriter,
)
from omegaconf import DictConfig

from dual_weighting.engine.metrics_file import MetricsWriter
from dual_weighting.engine.wandb_writer import WandbWriter


def build_writers(cfg: DictConfig) -> list[EventWriter]:
    """A line of the log, metrics.json, and what `cfg.train` says. For the main process alone."""
    output_dir = cfg.train.output_dir
    Path(output_dir).mkdir(parents=True, exist_ok=True)
    writers = [
        CommonMetricPrinter(cfg.train.max_iter),
        MetricsWriter(os.path.join(output_dir, "metrics.json")),
    ]
    if cfg.train.get("tensorboard", True):
        writers.append(TensorboardXWriter(output_dir))
    wandb = dict(cfg.train.get("wandb", {"enabled": False}))
    if wandb.pop("enabled"):
        writers.append(WandbWriter(output_dir, cfg, **wandb))
    return writers
