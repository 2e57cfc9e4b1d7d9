"""Two real processes with gloo; their functions must be importable where they start."""

import os
import sys
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
import torch
from commands import two_processes
from commands.two_processes import arguments
from detectron2.utils import comm
from omegaconf import OmegaConf
from torch.multiprocessing import ProcessRaisedException

from dual_weighting.engine.processes import TORCHRUN, launch_processes
from dual_weighting.engine.train import resume_or_load
from dual_weighting.errors import UserError

CPU = torch.device("cpu")


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


def ran_here(args) -> bool:
    seen = []
    launch_processes(lambda _: seen.append(os.getpid()), args, device=CPU)
    return seen == [os.getpid()]


def test_one_process_is_this_one():
    assert ran_here(arguments(num_gpus=1))


@pytest.fixture
def torchrun(monkeypatch):
    """One process of torchrun's, by its environment."""
    for name in TORCHRUN:
        monkeypatch.setenv(name, {"RANK": "0", "LOCAL_RANK": "0"}.get(name, "1"))


def test_one_process_of_torchrun(torchrun):
    assert ran_here(arguments(num_gpus=1))
    with pytest.raises(UserError, match="torchrun starts the processes itself"):
        launch_processes(sys.exit, arguments(), device=CPU)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_gpus": 0}, "must be at least 1"),
        ({"num_machines": 0}, "must be at least 1"),
        ({"num_machines": 2}, "for example --dist-url tcp://"),
        ({"num_machines": 2, "machine_rank": 2}, "count from 0 to 1"),
        ({"dist_timeout": 0.0}, "--dist-timeout 0 must be more than 0"),
        ({"dist_url": "tcp://10.0.0.1"}, "tcp://10.0.0.1 is no address"),
        ({"dist_url": "10.0.0.1:29500"}, "10.0.0.1:29500 is no address"),
        ({"dist_url": "tcp://a:b"}, "tcp://a:b is no address"),
    ],
)
def test_impossible_numbers(changes, message):
    with pytest.raises(UserError, match=message):
        launch_processes(sys.exit, arguments(**changes), device=CPU)


def test_machines_with_an_output_folder_each(monkeypatch):
    """The first resumes after iteration 9, the second finds nothing to resume."""
    monkeypatch.setattr(comm, "all_gather", lambda mine: [mine, 0])
    cfg = OmegaConf.create({"train": {"output_dir": "out", "init_checkpoint": ""}})
    trainer = SimpleNamespace(iter=9)
    with pytest.raises(UserError, match=r"\[10, 0\]: train\.output_dir=out must be a folder that"):
        resume_or_load(cfg, Mock(), trainer, resume=True)
