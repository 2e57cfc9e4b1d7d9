"""tools/train_net.py that trains one config after the other in the same processes.

$CONFIGS: their files. The losses of each process are written to the folder $LOSSES. Then process 1
is killed in the second step of another training.
"""

import json
import os
import signal
from argparse import Namespace
from pathlib import Path
from unittest.mock import patch

from detectron2.utils import comm

from commands.recorded_losses import recorded_losses
from dual_weighting.cli.command import argument_parser, run_command
from dual_weighting.engine import finite_loss, train

run = train.run


def train_all(args: Namespace) -> None:
    for config in map(Path, os.environ["CONFIGS"].split(os.pathsep)):
        with recorded_losses() as rows:
            run(Namespace(**{**vars(args), "config_file": str(config)}))
        file = Path(os.environ["LOSSES"], f"{config.stem}_{comm.get_rank()}.json")
        file.write_text(json.dumps(rows))
    with patch.object(finite_loss, "check_losses", kill_process_1):
        run(args)


def kill_process_1(losses, *, iteration, **_) -> None:
    if comm.get_rank() == 1 and iteration == 1:
        os.kill(os.getpid(), signal.SIGKILL)


train.run = train_all

if __name__ == "__main__":
    run_command(train.train_command, argument_parser().parse_args())
