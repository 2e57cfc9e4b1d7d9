"""tools/train_net.py on a disk that is full once its first checkpoint is written."""

import resource

import torch

from dual_weighting.cli.command import argument_parser, run_command
from dual_weighting.engine.train import train_command

save = torch.save


def save_once(data, file):
    save(data, file)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))


torch.save = save_once

if __name__ == "__main__":
    run_command(train_command, argument_parser().parse_args())
