import argparse
import errno
import logging
import os
import re
import shutil
import signal
import sys
import threading
import time
from types import SimpleNamespace

import pytest
import torch

from dual_weighting.cli.command import run_command
from dual_weighting.engine.machine_faults import LoaderWatch, faults_explained
from dual_weighting.utils.errors import UserError


@pytest.fixture(autouse=True)
def logging_as_before(monkeypatch):
    monkeypatch.setattr(logging, "raiseExceptions", True)


class Deadly(torch.utils.data.Dataset):
    """Data whose reading ends the process by a signal."""

    def __init__(self, number):
        self.number = number

    def __len__(self):
        return 1

    def __getitem__(self, index):
        os.kill(os.getpid(), self.number)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (signal.SIGKILL, r"killed \(Killed\).*lower dataloader\.train\.num_workers"),
        (signal.SIGBUS, r"out of shared memory: enlarge /dev/shm"),
    ],
)
def test_a_loader_that_is_killed(number, expected):
    with pytest.raises(UserError, match=expected) as error, faults_explained():
        next(iter(torch.utils.data.DataLoader(Deadly(number), num_workers=1)))
    assert "\n" not in str(error.value)


def write_much():
    with open("/dev/full", "w") as file:
        file.write("no room")


def test_a_full_disk(tmp_path):
    with pytest.raises(UserError) as error, faults_explained(str(tmp_path)):
        write_much()
    message = str(error.value)
    assert message.startswith(f"Nothing more can be written to {tmp_path}: No space left on dev")
    assert re.search(rf"\([\d.]+ MB are free in {tmp_path}\).*with --resume", message)


def test_every_command_says_so(capsys):
    with pytest.raises(SystemExit) as end:
        run_command(lambda args: write_much(), argparse.Namespace())
    assert end.value.code == 1
    assert capsys.readouterr().err.startswith("Error: Nothing more can be written to .: No sp")


def test_a_full_disk_and_a_file_that_is_known(tmp_path):
    error = OSError(errno.EDQUOT, os.strerror(errno.EDQUOT), f"{tmp_path}/new/a.png")
    with (
        pytest.raises(
            UserError, match=r"^/.*/new/a\.png could not be written: Disk quota exceeded"
        ),
        faults_explained(),
    ):
        raise error


def test_the_first_fault_is_said():
    """Hooks run after a failure, and fail in their turn."""
    with pytest.raises(UserError, match=r"^first$"), faults_explained():
        try:
            raise UserError("first") from OSError(errno.ENOSPC, "")
        finally:
            write_much()


def test_of_two_sentences_the_first_is_said():
    with pytest.raises(UserError, match=r"^first$"), faults_explained():
        try:
            raise UserError("first")
        finally:
            raise UserError("second")


@pytest.mark.parametrize(
    "error", [ZeroDivisionError("x"), FileNotFoundError(2, "x"), UserError("x")]
)
def test_other_errors_stay_what_they_are(error):
    with pytest.raises(type(error)) as raised, faults_explained():
        raise error
    assert raised.value is error


def test_no_image_at_all():
    with pytest.raises(UserError, match="None of the training images"), faults_explained():
        raise ValueError("Sample larger than population or is negative")


def test_what_writes_beside_the_training_is_quiet(capsys, tmp_path, monkeypatch):
    """TensorBoard's thread, and log files, which complain with every line."""
    monkeypatch.setattr(threading, "excepthook", lambda args: print(args, file=sys.stderr))
    logger = logging.getLogger("test_machine_faults")
    (tmp_path / "log.txt").symlink_to("/dev/full")
    stream, other = open(tmp_path / "log.txt", "a"), open(os.devnull, "a")  # noqa: SIM115
    for file in (stream, other):
        logger.addHandler(logging.StreamHandler(file))
    with pytest.raises(UserError), faults_explained(str(tmp_path)):
        thread = threading.Thread(target=write_much)
        thread.start()
        thread.join()
        logger.warning("no room for this")
        write_much()
    assert stream.closed and not other.closed
    logger.warning("nor for this")
    assert capsys.readouterr().err == ""


def test_other_threads_and_logs_are_not(capsys, monkeypatch):
    monkeypatch.setattr(threading, "excepthook", lambda args: print(args.exc_type.__name__))
    with faults_explained():
        thread = threading.Thread(target=lambda: 1 / 0)
        thread.start()
        thread.join()
        assert capsys.readouterr().out == "ZeroDivisionError\n"
    assert logging.raiseExceptions


@pytest.mark.parametrize(("free", "exits"), [(1 << 20, [1]), (1 << 30, [])])
def test_a_loader_that_gives_nothing(monkeypatch, caplog, capsys, free, exits):
    """A full /dev/shm ends the training, anything else is said once and waited for."""
    ended = []
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=free))
    monkeypatch.setattr(os, "_exit", ended.append)
    watch = LoaderWatch(seconds=0.1)
    watch.trainer = SimpleNamespace(waiting_since=time.perf_counter())
    watch.before_train()
    time.sleep(0.4)
    watch.after_train()
    assert ended[:1] == exits
    assert ("run out of shared memory" in capsys.readouterr().err) == bool(exits)
    said = [x.getMessage() for x in caplog.records if "No batch has arrived" in x.getMessage()]
    assert len(said) == 1


def test_a_loader_that_gives_batches(monkeypatch, caplog):
    watch = LoaderWatch(seconds=0.1)
    watch.trainer = SimpleNamespace(waiting_since=None)
    watch.before_train()
    time.sleep(0.3)
    watch.after_train()
    assert not caplog.records


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS])
def test_a_file_that_must_not_be_written(number):
    """By any command: a report in the folder of somebody else, a read-only disk."""
    with (
        pytest.raises(UserError, match=r"out/report\.html cannot be"),
        faults_explained(),
    ):
        raise OSError(number, os.strerror(number), "out/report.html")
