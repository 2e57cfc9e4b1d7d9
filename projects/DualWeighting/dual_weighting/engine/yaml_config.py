"""Reading the config.yaml of a run without running anything in it."""

import math

import yaml
from detectron2.utils.registry import locate
from omegaconf import DictConfig, OmegaConf

from dual_weighting.errors import UserError

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
