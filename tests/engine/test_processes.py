"""Two real processes with gloo; their functions must be importable where they start."""

import argparse
import os
import sys

import pytest
import torch
from commands import two_processes
from torch.multiprocessing import ProcessRaisedException

from dual_weighting.engine.processes import launch_processes
from dual_weighting.errors import UserError

CPU = torch.device("cpu")


def arguments(**changes) -> argparse.Namespace:
    common = {"num_gpus": 2, "num_machines": 1, "machine_rank": 0, "dist_url": "auto"}
    common["dist_timeout"] = 1
    return argparse.Namespace(**{**common, **changes})


@pytest.mark.slow
def test_one_process_fails_and_the_other_waits(capfd):
    with pytest.raises(UserError) as error:
        launch_processes(two_processes.second_fails, arguments(), device=CPU)
    assert str(error.value) == "Image 7 is broken: remove it."
    assert "SIGTERM" not in capfd.readouterr().err


@pytest.mark.slow
def test_defect_in_a_process_keeps_its_traceback():
    with pytest.raises(ProcessRaisedException, match="ZeroDivisionError"):
        launch_processes(two_processes.divides_by_zero, arguments(), device=CPU)


def test_one_process_is_this_one():
    args = arguments(num_gpus=1, seen=[])
    launch_processes(lambda given: given.seen.append(os.getpid()), args, device=CPU)
    assert args.seen == [os.getpid()]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_gpus": 0}, "must be at least 1"),
        ({"num_machines": 0}, "must be at least 1"),
        ({"num_machines": 2}, "for example --dist-url tcp://"),
    ],
)
def test_impossible_numbers(changes, message):
    with pytest.raises(UserError, match=message):
        launch_processes(sys.exit, arguments(**changes), device=CPU)
