"""Configs and models by name; configs/README.md lists the names."""

import difflib
import os

from omegaconf import DictConfig
from torch import nn

from dual_weighting.checkpoint import Checkpointer
from dual_weighting.config.load import CONFIGS, build, load_config
from dual_weighting.utils.device import choose_device
from dual_weighting.utils.errors import UserError


def config_names() -> list[str]:
    """The names of all configs, such as "COCO-Detection/dw_R_50_FPN_1x.py"."""
    files = CONFIGS.glob("*/*.py")
    return sorted(str(f.relative_to(CONFIGS)) for f in files if f.parent.name != "common")


def get_config_file(name: str) -> str:
    """The path of the config `name`; raises `UserError` with the closest names if unknown."""
    if name not in config_names():
        close = difflib.get_close_matches(name, config_names(), cutoff=0.0)
        raise UserError(f"There is no config {name}: the closest are {', '.join(close)}.")
    return str(CONFIGS / name)


def get_config(name: str) -> DictConfig:
    """The config `name`; raises `UserError` with the closest names if unknown."""
    return load_config(get_config_file(name))


def get_model(
    name: str, trained: str | os.PathLike | None = None, device: str = "auto"
) -> nn.Module:
    """The model of the config `name`, in training mode.

    Args:
        trained: checkpoint of a trained detector, such as one of the authors' converted by
            tools/convert_checkpoint.py. By default, the model is initialized like for training,
            from the config's `train.init_checkpoint`, which may be downloaded.
        device: "auto" is the GPU if there is one.

    Raises:
        UserError: the config, checkpoint or device does not exist, or the checkpoint does not match
            the model.
    """
    if isinstance(trained, bool):
        raise UserError(
            f"trained={trained} is not supported, since this project publishes no weights: pass "
            "the path of a checkpoint, such as one written by tools/convert_checkpoint.py, or "
            "omit trained."
        )
    cfg = get_config(name)
    model = build(cfg, "model").to(choose_device(device))
    checkpoint = cfg.train.init_checkpoint if trained is None else os.fspath(trained)
    Checkpointer(model, complete=trained is not None).load(checkpoint)
    return model
