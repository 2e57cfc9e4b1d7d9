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

from dual_weighting.engine.launch import TORCHRUN, explained, launch_processes
from dual_weighting.engine.train import resume_or_load
from dual_weighting.utils.errors import UserError

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
        ({"num_machines": 2, "machine_rank": 2}, "must be between 0 and 1"),
        ({"dist_timeout": 0.0}, "--dist-timeout 0 must be more than 0"),
        ({"dist_url": "tcp://10.0.0.1"}, "tcp://10.0.0.1 is not an address"),
        ({"dist_url": "10.0.0.1:29500"}, "10.0.0.1:29500 is not an address"),
        ({"dist_url": "tcp://a:b"}, "tcp://a:b is not an address"),
    ],
)
def test_impossible_numbers(changes, message):
    with pytest.raises(UserError, match=message):
        launch_processes(sys.exit, arguments(**changes), device=CPU)


@pytest.mark.slow
def test_an_address_that_detectron2_takes(tmp_path):
    """A file that the processes share."""
    with pytest.raises(UserError, match="Image 7 is broken"):
        launch_processes(
            two_processes.second_fails, arguments(dist_url=f"file://{tmp_path}/address"), device=CPU
        )


GLOO = "RuntimeError: [/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:534] "


@pytest.mark.parametrize(
    ("last", "message"),
    [
        ("dual_weighting.utils.errors.UserError: Image 7 is broken.", "Image 7 is broken."),
        (
            f"{GLOO}Connection closed by peer [127.0.0.1]:5. This is typically a crash.",
            r"Process 1 lost another one \(Connection closed by peer \[127.0.0.1\]:5\): that one",
        ),
        (
            f"{GLOO}Timed out waiting 300000ms for recv operation to complete",
            r"Process 1 waited 5 minutes \(--dist-timeout\) for another one \(Timed out",
        ),
        (
            "torch.distributed.DistBackendError: [a.cpp:7] NCCL error in: b.cpp\nLast error:\nx",
            r"Process 1 lost another one \(NCCL error in: b.cpp\)",
        ),
        (
            "torch.distributed.DistNetworkError: The server socket has failed: EADDRINUSE",
            "Process 1 cannot use the address auto .* take a free port",
        ),
        (
            "torch.distributed.DistStoreError: Timed out after 6 seconds; 1/2 clients joined.",
            r"Not all 2 processes found each other at auto within 5 minutes .* 1/2 clients",
        ),
        (
            "in init_process_group\nValueError: invalid address",
            r"--dist-url auto cannot be used \(invalid address\)",
        ),
    ],
)
def test_sentences(last, message):
    """From the end of the traceback of process 1."""
    text = (
        f"-- Process 1 terminated with the following error:\nTraceback:\n  File x\n{last}\n  at y"
    )
    error = explained(RuntimeError(text), text, arguments(), 1)
    assert isinstance(error, UserError)
    with pytest.raises(UserError, match=message):
        raise error


def test_a_defect_stays_what_it_is():
    text = "RuntimeError: shapes cannot be multiplied (2x3 and 4x5)"
    error = RuntimeError(text)
    assert explained(error, text, arguments(), 0) is error


def test_machines_with_an_output_folder_each(monkeypatch):
    """The first resumes after iteration 9, the second finds nothing to resume."""
    monkeypatch.setattr(comm, "all_gather", lambda mine: [mine, 0])
    cfg = OmegaConf.create({"train": {"output_dir": "out", "init_checkpoint": ""}})
    trainer = SimpleNamespace(iter=9)
    with pytest.raises(UserError, match=r"\[10, 0\]: train\.output_dir=out must be shared by all"):
        resume_or_load(cfg, Mock(), trainer, resume=True)
