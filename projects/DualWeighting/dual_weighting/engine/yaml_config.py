"""Reading the config.yaml of a run without running anything in it."""

import yaml
from detectron2.utils.registry import locate
from omegaconf import DictConfig, OmegaConf

from dual_weighting.errors import UserError


class ConfigLoader(yaml.SafeLoader):
    """PyYAML's safe loader, and the two tags beyond it that Detectron2 writes: tuples, and classes
    and functions by their names. What is named is imported, and not called."""


def construct_tuple(loader: ConfigLoader, node: yaml.Node) -> tuple:
    return tuple(loader.construct_sequence(node, deep=True))


def construct_named(loader: ConfigLoader, name: str, node: yaml.Node) -> object:
    return locate(name)


ConfigLoader.add_constructor("tag:yaml.org,2002:python/tuple", construct_tuple)
ConfigLoader.add_multi_constructor("tag:yaml.org,2002:python/name:", construct_named)


def load_yaml_config(file: str) -> DictConfig:
    """The config in a YAML file.

    Detectron2's own loader takes tags that call any function while the file is read; these are a
    `yaml.YAMLError` here.

    Raises:
        UserError: the file holds something else than sections by name.
    """
    with open(file, encoding="utf-8") as stream:
        content = yaml.load(stream, Loader=ConfigLoader)
    if not isinstance(content, dict):
        raise UserError(f"The config file {file} holds no sections such as model and train.")
    return OmegaConf.create(content, flags={"allow_objects": True})
