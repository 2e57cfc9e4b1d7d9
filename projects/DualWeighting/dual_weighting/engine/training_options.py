"""The options of `cfg.train` beyond Detectron2's: which are on, and whether they make sense.

A config that does not have an option has it off.
"""

import torch
from omegaconf import DictConfig

from dual_weighting.data.value_types import is_whole
from dual_weighting.engine.precision import autocast_dtype
from dual_weighting.engine.wandb_writer import import_wandb
from dual_weighting.errors import UserError

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
    on_bad_loss = cfg.train.get("on_bad_loss", "stop")
    require(on_bad_loss in ("stop", "skip"), "on_bad_loss", on_bad_loss, "stop or skip")
    in_a_row = cfg.train.get("max_skipped_in_a_row", 10)
    require(in_a_row >= 1, "max_skipped_in_a_row", in_a_row, "1 iteration or more")
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
