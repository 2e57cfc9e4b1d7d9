"""From a config file and overrides to a config; what is wrong with either in one sentence."""

import builtins
import os
import traceback
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from detectron2.config import LazyConfig, instantiate
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from dual_weighting.data import register_datasets
from dual_weighting.engine.overrides import apply_overrides
from dual_weighting.engine.yaml_config import load_yaml_config
from dual_weighting.errors import UserError

# A link to the folder at the top of the repository; an installed package has a copy.
CONFIGS = Path(__file__).parents[1] / "model_zoo" / "configs"

SECTIONS = ("model", "optimizer", "lr_multiplier", "dataloader", "train")


def find_config(config_file: str) -> str:
    """The path of `config_file`, which is one, or else a name of the model zoo; `UserError` for
    neither."""
    if not config_file:
        raise UserError("Say which config to use, for example --config-file configs/NAME.py.")
    for path in (config_file, os.path.join(CONFIGS, config_file.removeprefix("configs/"))):
        if os.path.isfile(path):
            return path
    what = "is a folder" if os.path.isdir(config_file) else "does not exist"
    raise UserError(f"The config file {config_file} {what}.")


def load_config(config_file: str, overrides: Sequence[str] = ()) -> DictConfig:
    """The LazyConfig of `config_file` with `overrides` ("a.b=value") applied.

    `config_file`: a path, or where there is none, a name of the model zoo.
    Data sets that the config brings along are in Detectron2's catalogs afterwards.

    Raises `UserError` for a file that is missing or fails, and for an override that is malformed
    or names an unknown key.
    """
    config_file = find_config(config_file)
    original_import = builtins.__import__
    try:
        is_yaml = config_file.endswith((".yaml", ".yml"))
        cfg = load_yaml_config(config_file) if is_yaml else LazyConfig.load(config_file)
    except UserError:
        raise
    except (Exception, SystemExit) as error:
        raise UserError(
            f"The config file {_place(error, config_file)} fails with "
            f"{type(error).__name__}: {' '.join(str(error).split())}"
        ) from error
    finally:
        builtins.__import__ = original_import  # LazyConfig leaves its own in place after an error
    apply_overrides(cfg, overrides)
    check_resolves(cfg, config_file)
    try:
        register_datasets(cfg)
    except (AttributeError, TypeError, ValueError) as error:
        raise UserError(
            f"The datasets of {config_file} cannot be used ({error}): each has name, json_file, "
            "image_root, thing_classes and category_ids."
        ) from error
    return cfg


def detectron2_config(name: str) -> DictConfig:
    """One of Detectron2's own LazyConfigs, such as "common/optim.py".

    Its `model_zoo` needs pkg_resources, which setuptools no longer has, to find them.
    """
    return LazyConfig.load(str(files("detectron2") / "model_zoo" / "configs" / name))


def check_resolves(cfg: DictConfig, config_file: str) -> None:
    """Raise `UserError` unless each value of `cfg` that refers to another finds it."""
    try:
        OmegaConf.to_container(cfg, resolve=True)
    except OmegaConfBaseException as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"A value of {config_file} cannot be resolved: {reason}.") from error


def check_sections(cfg: DictConfig, config_file: str, sections: Sequence[str] = SECTIONS) -> None:
    """Raise `UserError` when `cfg` lacks one of the `sections`, by default what training needs."""
    missing = [name for name in sections if not isinstance(cfg.get(name), DictConfig)]
    if missing:
        purpose = "to train with " if sections == SECTIONS else ""
        raise UserError(
            f"The config file {config_file} defines no {', '.join(missing)}: "
            f"a config {purpose}has {', '.join(sections)}."
        )


def build(cfg: DictConfig, key: str) -> Any:
    """What the lazy call at `key` ("model", "dataloader.train") makes.

    Raises:
        UserError: there is none, or it fails with the values that the config gives it.
    """
    node = OmegaConf.select(cfg, key)
    if not isinstance(node, DictConfig) or "_target_" not in node:
        raise UserError(f"The {key} of the config is no call of a class or function.")
    try:
        return instantiate(node)
    except UserError:
        raise
    except Exception as error:  # whatever a constructor makes of a wrong value
        raise UserError(
            f"The {key} of the config cannot be built ({type(error).__name__}: "
            f"{' '.join(str(error).split())}): correct its values, or see more with --debug."
        ) from error


def _place(error: Exception, config_file: str) -> str:
    """ "FILE, line N" of the config file in which `error` arose, which may be an imported one."""
    if isinstance(error, SyntaxError) and isinstance(error.__cause__, SyntaxError):
        return f"{config_file}, line {error.__cause__.lineno},"
    place = config_file
    for frame, line in traceback.walk_tb(error.__traceback__):
        if str(frame.f_globals.get("__package__")).startswith("detectron2._cfg_loader"):
            place = f"{frame.f_code.co_filename}, line {line},"
    return place
