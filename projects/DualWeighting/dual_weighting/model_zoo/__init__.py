"""The configs of this project by name, like Detectron2's `model_zoo`."""

from .model_zoo import config_names, get_config, get_config_file, get_model

__all__ = ["config_names", "get_config", "get_config_file", "get_model"]
