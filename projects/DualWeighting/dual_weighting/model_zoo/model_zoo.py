"""Configs and models by the names that configs/README.md lists."""

import difflib
import os

from omegaconf import DictConfig
from torch import nn

from dual_weighting.checkpoint import Checkpointer
from dual_weighting.config.load import CONFIGS, build, load_config
from dual_weighting.utils.device import choose_device
from dual_weighting.utils.errors import UserError


def config_names() -> list[str]:
    """All configs that can be trained, such as "COCO-Detection/dw_R_50_FPN_1x.py"."""
    files = CONFIGS.glob("*/*.py")
    return sorted(str(f.relative_to(CONFIGS)) for f in files if f.parent.name != "common")


def get_config_file(name: str) -> str:
    """The path of the config `name`; `UserError` with the closest names if there is none."""
    if name not in config_names():
        close = difflib.get_close_matches(name, config_names(), cutoff=0.0)
        raise UserError(f"There is no config {name}: the closest are {', '.join(close)}.")
    return str(CONFIGS / name)


def get_config(name: str) -> DictConfig:
    """The config `name`; `UserError` with the closest names if there is none."""
    return load_config(get_config_file(name))


def get_model(
    name: str, trained: str | os.PathLike | None = None, device: str = "auto"
) -> nn.Module:
    """The model of the config `name`, in training mode.

    `trained`: the checkpoint of a trained detector, for example one that
    tools/convert_checkpoint.py has made of the authors'. Without, the model starts as a training
    does, from the config's `train.init_checkpoint`, which may be downloaded. `device`: "auto" is
    the GPU where there is one.

    Raises:
        UserError: there is no such config, checkpoint or device, or they do not fit.
    """
    if isinstance(trained, bool):
        raise UserError(
            f"trained={trained} is not enough, as no weights are published with this project: give "
            "the file of a checkpoint, such as one that tools/convert_checkpoint.py has written, "
            "or leave trained out."
        )
    cfg = get_config(name)
    model = build(cfg, "model").to(choose_device(device))
    checkpoint = cfg.train.init_checkpoint if trained is None else os.fspath(trained)
    Checkpointer(model, complete=trained is not None).load(checkpoint)
    return model
