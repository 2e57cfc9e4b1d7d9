"""tools/train_net.py that also writes the losses of each process to the folder $LOSSES."""

import json
import os
from pathlib import Path

from detectron2.utils import comm

from dual_weighting.engine import finite_loss
from dual_weighting.engine.command import argument_parser, run_command
from dual_weighting.engine.train import train_command

check_losses = finite_loss.check_losses


def record(losses, *, iteration, batch):
    line = {
        "losses": {name: value.item() for name, value in losses.items()},
        "images": [image["image_id"] for image in batch],
    }
    with Path(os.environ["LOSSES"], f"{comm.get_rank()}.json").open("a") as file:
        file.write(json.dumps(line) + "\n")
    check_losses(losses, iteration=iteration, batch=batch)


finite_loss.check_losses = record

if __name__ == "__main__":
    run_command(train_command, argument_parser().parse_args())
