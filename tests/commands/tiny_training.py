"""Trainings of the tiny project in the process of a test."""

import json
from pathlib import Path

from detectron2.config import instantiate
from detectron2.utils.env import seed_all_rng

from dual_weighting.config.load import load_config
from dual_weighting.engine.train import train


def train_tiny(
    config_file: Path, output: Path, *, resume: bool = False, accumulate: int = 1, **options
) -> None:
    """Train as the tiny config says, with other `options` of its `train`."""
    cfg = load_config(str(config_file))
    common = {"output_dir": str(output), "max_iter": 6, "eval_period": 2, "log_period": 1}
    cfg.train.update({**common, "accumulate": accumulate, **options})
    cfg.lr_multiplier.warmup_iters = 1
    seed_all_rng(1)
    train(cfg, instantiate(cfg.model), resume=resume)


def rows_of(output: Path) -> list[dict]:
    """The lines of metrics.json."""
    return [json.loads(line) for line in (output / "metrics.json").read_text().splitlines()]


def series_of(output: Path, name: str) -> dict[int, float]:
    """The values of a metric by iteration."""
    return {row["iteration"]: row[name] for row in rows_of(output) if name in row}
