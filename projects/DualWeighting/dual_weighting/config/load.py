"""Loads configs, and reports errors in them in one sentence."""

import builtins
import copy
import difflib
import math
import os
import traceback
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from detectron2.config import LazyConfig, instantiate
from detectron2.utils.registry import locate
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from dual_weighting.config.overrides import accepts, apply_overrides
from dual_weighting.data import register_datasets
from dual_weighting.utils.errors import UserError

# A link to the top-level folder of the repository; installed packages have a copy.
CONFIGS = Path(__file__).parents[1] / "model_zoo" / "configs"

SECTIONS = ("model", "optimizer", "lr_multiplier", "dataloader", "train")


def find_config(config_file: str) -> str:
    """The path of `config_file`, a file or else a name in the model zoo; raises `UserError` if it
    is neither."""
    if not config_file:
        raise UserError("No config given: use, for example, --config-file configs/NAME.py.")
    for path in (config_file, os.path.join(CONFIGS, config_file.removeprefix("configs/"))):
        if os.path.isfile(path):
            return path
    if os.path.isdir(config_file):
        raise UserError(f"The config file {config_file} is a folder.")
    names = [str(file.relative_to(CONFIGS)) for file in CONFIGS.glob("*/*.py")]
    close = difflib.get_close_matches(config_file.removeprefix("configs/"), names, n=1)
    hint = f"; did you mean configs/{close[0]}?" if close else "."
    raise UserError(f"The config file {config_file} does not exist{hint}")


def load_config(config_file: str, overrides: Sequence[str] = ()) -> DictConfig:
    """The LazyConfig of `config_file` with `overrides` ("a.b=value") applied.

    Also registers the data sets of the config in Detectron2's catalogs.

    Args:
        config_file: a path, or else a name in the model zoo.

    Raises:
        UserError: the file is missing or fails, or an override is malformed or has an unknown key.
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
    if isinstance(cfg.get("train"), DictConfig):
        cfg.train = OmegaConf.merge(train_defaults(), cfg.train)
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


def train_defaults() -> DictConfig:
    """The training options with their defaults, for configs that omit some."""
    return LazyConfig.load(str(CONFIGS / "common" / "train.py")).train


def detectron2_config(name: str) -> DictConfig:
    """One of Detectron2's own LazyConfigs, such as "common/optim.py".

    Detectron2's `model_zoo` finds them with pkg_resources, which setuptools no longer includes.
    """
    return LazyConfig.load(str(files("detectron2") / "model_zoo" / "configs" / name))


def check_resolves(cfg: DictConfig, config_file: str) -> None:
    """Raise `UserError` unless all interpolations in `cfg` resolve."""
    try:
        OmegaConf.to_container(cfg, resolve=True)
    except OmegaConfBaseException as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"A value of {config_file} cannot be resolved: {reason}.") from error


def check_sections(cfg: DictConfig, config_file: str, sections: Sequence[str] = SECTIONS) -> None:
    """Raise `UserError` if `cfg` lacks any of the `sections`, by default those of training."""
    missing = [name for name in sections if not isinstance(cfg.get(name), DictConfig)]
    if missing:
        purpose = "to train with " if sections == SECTIONS else ""
        raise UserError(
            f"The config file {config_file} does not define {', '.join(missing)}: "
            f"a config {purpose}has {', '.join(sections)}."
        )


def build(cfg: DictConfig, key: str, **defaults: Any) -> Any:
    """Instantiate the lazy call at `key`, such as "model" or "dataloader.train".

    Args:
        defaults: arguments to add, if the callable accepts them and the config does not set them.

    Raises:
        UserError: there is no lazy call at `key`, or it fails.
    """
    node = OmegaConf.select(cfg, key)
    if not isinstance(node, DictConfig) or "_target_" not in node:
        raise UserError(f"{key} in the config is not a lazy call of a class or function.")
    try:
        if missing := {k: v for k, v in defaults.items() if accepts(node, k) and not node.get(k)}:
            node = copy.deepcopy(node)  # in its place, so that interpolations resolve
            with open_dict(node):
                node.update(missing)
        return instantiate(node)
    except UserError:
        raise
    except Exception as error:  # constructors fail in many ways
        raise UserError(
            f"{key} in the config cannot be instantiated ({type(error).__name__}: "
            f"{' '.join(str(error).split())}): correct its values, or see more with --debug."
        ) from error


def _place(error: Exception, config_file: str) -> str:
    """ "FILE, line N" of the config file, perhaps an imported one, that raised `error`."""
    if isinstance(error, SyntaxError) and isinstance(error.__cause__, SyntaxError):
        return f"{config_file}, line {error.__cause__.lineno},"
    place = config_file
    for frame, line in traceback.walk_tb(error.__traceback__):
        if str(frame.f_globals.get("__package__")).startswith("detectron2._cfg_loader"):
            place = f"{frame.f_code.co_filename}, line {line},"
    return place


LARGEST_CONFIG = 100_000  # values; the configs of this project have hundreds


class ConfigLoader(yaml.SafeLoader):
    """PyYAML's safe loader, extended by two tags that Detectron2 writes: tuples, and names of
    classes and functions, which are imported but not called."""


def construct_tuple(loader: ConfigLoader, node: yaml.Node) -> tuple:
    return tuple(loader.construct_sequence(node, deep=True))


def construct_named(loader: ConfigLoader, name: str, node: yaml.Node) -> object:
    return locate(name)


ConfigLoader.add_constructor("tag:yaml.org,2002:python/tuple", construct_tuple)
ConfigLoader.add_multi_constructor("tag:yaml.org,2002:python/name:", construct_named)


def expanded_size(node: yaml.Node, known: dict[int, float]) -> float:
    """Number of nodes in `node` with all aliases expanded; infinite if it contains itself.

    Raises:
        yaml.YAMLError: a mapping has a key twice.
    """
    if id(node) in known:
        return known[id(node)]
    known[id(node)] = math.inf
    children = []
    if isinstance(node, yaml.SequenceNode):
        children = node.value
    elif isinstance(node, yaml.MappingNode):
        children = [child for pair in node.value for child in pair]
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if twice := [key for key in keys if keys.count(key) > 1]:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {twice[0]} is there twice", node.start_mark
            )
    known[id(node)] = 1 + sum(expanded_size(child, known) for child in children)
    return known[id(node)]


def load_yaml_config(file: str) -> DictConfig:
    """The config in a YAML file.

    Unlike Detectron2's loader, this one does not execute code: tags that call functions raise
    `yaml.YAMLError`.

    Raises:
        UserError: the file does not contain named sections.
    """
    with open(file, encoding="utf-8") as stream:
        loader = ConfigLoader(stream)
        try:
            root = loader.get_single_node()
            if root is not None and expanded_size(root, {}) > LARGEST_CONFIG:
                raise UserError(
                    f"The config file {file} is refused: with its aliases (*name) expanded, "
                    f"it has more than {LARGEST_CONFIG:,} values."
                )
            content = None if root is None else loader.construct_document(root)
        finally:
            loader.dispose()
    if not isinstance(content, dict):
        raise UserError(f"The config file {file} has no sections such as model and train.")
    return OmegaConf.create(content, flags={"allow_objects": True})
