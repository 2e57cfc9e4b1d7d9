"""From a config file and overrides to a config; what is wrong with either in one sentence."""

import builtins
import os
import traceback
from collections.abc import Sequence

from detectron2.config import LazyConfig
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from dual_weighting.data import register_datasets
from dual_weighting.engine.overrides import apply_overrides
from dual_weighting.errors import UserError

SECTIONS = ("model", "optimizer", "lr_multiplier", "dataloader", "train")


def load_config(config_file: str, overrides: Sequence[str] = ()) -> DictConfig:
    """The LazyConfig of `config_file` with `overrides` ("a.b=value") applied.

    Data sets that the config brings along are in Detectron2's catalogs afterwards.

    Raises `UserError` for a file that is missing or fails, and for an override that is malformed
    or names an unknown key.
    """
    if not config_file:
        raise UserError("Say which config to use, for example --config-file configs/NAME.py.")
    if not os.path.isfile(config_file):
        raise UserError(f"The config file {config_file} does not exist.")
    original_import = builtins.__import__
    try:
        cfg = LazyConfig.load(config_file)
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"The config file {_place(error, config_file)} fails with "
            f"{type(error).__name__}: {' '.join(str(error).split())}"
        ) from error
    finally:
        builtins.__import__ = original_import  # LazyConfig leaves its own in place after an error
    apply_overrides(cfg, overrides)
    check_resolves(cfg, config_file)
    register_datasets(cfg)
    return cfg


def check_resolves(cfg: DictConfig, config_file: str) -> None:
    """Raise `UserError` unless each value of `cfg` that refers to another finds it."""
    try:
        OmegaConf.to_container(cfg, resolve=True)
    except OmegaConfBaseException as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"A value of {config_file} cannot be resolved: {reason}.") from error


def check_sections(cfg: DictConfig, config_file: str) -> None:
    """Raise `UserError` when `cfg` lacks a part that training needs."""
    missing = [name for name in SECTIONS if name not in cfg]
    if missing:
        raise UserError(
            f"The config file {config_file} defines no {', '.join(missing)}: "
            f"a config to train with has {', '.join(SECTIONS)}."
        )


def _place(error: Exception, config_file: str) -> str:
    """ "FILE, line N" of the config file in which `error` arose, which may be an imported one."""
    if isinstance(error, SyntaxError) and isinstance(error.__cause__, SyntaxError):
        return f"{config_file}, line {error.__cause__.lineno},"
    place = config_file
    for frame, line in traceback.walk_tb(error.__traceback__):
        if str(frame.f_globals.get("__package__")).startswith("detectron2._cfg_loader"):
            place = f"{frame.f_code.co_filename}, line {line},"
    return place
