"""Every config that is shipped, by its name in the model zoo, loaded once."""

import copy

from omegaconf import DictConfig

from dual_weighting import model_zoo

LOADED = {name: model_zoo.get_config(name) for name in model_zoo.config_names()}


def load(name: str) -> DictConfig:
    """A copy, which may be changed."""
    return copy.deepcopy(LOADED[name])
