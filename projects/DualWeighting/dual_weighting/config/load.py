"""From a config file and overrides to a config; what is wrong with either in one sentence."""

import builtins
import copy
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
    """The options of training with their defaults, which a config may leave out."""
    return LazyConfig.load(str(CONFIGS / "common" / "train.py")).train


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


def build(cfg: DictConfig, key: str, **defaults: Any) -> Any:
    """What the lazy call at `key` ("model", "dataloader.train") makes. `defaults`: arguments that
    it gets, if it has such, where the config gives none.

    Raises:
        UserError: there is none, or it fails with the values that the config gives it.
    """
    node = OmegaConf.select(cfg, key)
    if not isinstance(node, DictConfig) or "_target_" not in node:
        raise UserError(f"The {key} of the config is no call of a class or function.")
    try:
        if missing := {k: v for k, v in defaults.items() if accepts(node, k) and not node.get(k)}:
            node = copy.deepcopy(node)  # which stays in its place, for interpolations
            with open_dict(node):
                node.update(missing)
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


LARGEST_CONFIG = 100_000  # values; those of this project have hundreds


class ConfigLoader(yaml.SafeLoader):
    """PyYAML's safe loader, and the two tags beyond it that Detectron2 writes: tuples, and classes
    and functions by their names. What is named is imported, and not called."""


def construct_tuple(loader: ConfigLoader, node: yaml.Node) -> tuple:
    return tuple(loader.construct_sequence(node, deep=True))


def construct_named(loader: ConfigLoader, name: str, node: yaml.Node) -> object:
    return locate(name)


ConfigLoader.add_constructor("tag:yaml.org,2002:python/tuple", construct_tuple)
ConfigLoader.add_multi_constructor("tag:yaml.org,2002:python/name:", construct_named)


def expanded_size(node: yaml.Node, known: dict[int, float]) -> float:
    """Number of nodes below and with `node` where each alias counts as what it stands for; infinite
    for a node inside itself. Raises `yaml.YAMLError` at a key that a mapping has twice."""
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
                None, None, f"the key {twice[0]} stands there twice", node.start_mark
            )
    known[id(node)] = 1 + sum(expanded_size(child, known) for child in children)
    return known[id(node)]


def load_yaml_config(file: str) -> DictConfig:
    """The config in a YAML file.

    Detectron2's own loader takes tags that call any function while the file is read; these are a
    `yaml.YAMLError` here.

    Raises:
        UserError: the file holds something else than sections by name.
    """
    with open(file, encoding="utf-8") as stream:
        loader = ConfigLoader(stream)
        try:
            root = loader.get_single_node()
            if root is not None and expanded_size(root, {}) > LARGEST_CONFIG:
                raise UserError(
                    f"The config file {file} is refused: with its aliases (*name) written out it "
                    f"has more than {LARGEST_CONFIG:,} values."
                )
            content = None if root is None else loader.construct_document(root)
        finally:
            loader.dispose()
    if not isinstance(content, dict):
        raise UserError(f"The config file {file} holds no sections such as model and train.")
    return OmegaConf.create(content, flags={"allow_objects": True})
