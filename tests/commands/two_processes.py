"""What tests run in two processes."""

import argparse
from pathlib import Path

import torch
from detectron2.config import instantiate
from detectron2.utils import comm

from dual_weighting.config.load import load_config
from dual_weighting.engine.validation_loss import ValidationLoss
from dual_weighting.utils.errors import UserError


def arguments(**changes) -> argparse.Namespace:
    """The options of a command about its processes."""
    common = {"num_gpus": 2, "num_machines": 1, "machine_rank": 0}
    return argparse.Namespace(**{**common, "dist_url": "auto", "dist_timeout": 5, **changes})


def second_fails(args):
    if comm.get_rank() == 1:
        raise UserError("Image 7 is broken: remove it.")
    comm.synchronize()


def divides_by_zero(args):
    if comm.get_rank() == 1:
        args.num_gpus /= 0
    comm.synchronize()


def validation_loss(args):
    """Writes the validation losses of an untrained model to `args.file`."""
    cfg = load_config(args.config_file)
    torch.manual_seed(0)
    losses = ValidationLoss(cfg, instantiate(cfg.model))()
    if comm.is_main_process():
        Path(args.file).write_text(repr(losses))
    else:
        assert losses == {}
