"""What SIGTERM, SIGINT and SIGKILL do to a training in one and in two processes, and to compare."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands.run import TRAIN_NET
from commands.tiny_project import write_tiny_project

pytestmark = pytest.mark.slow
LONG = ("train.max_iter=100000", "train.eval_period=0", "train.checkpointer.period=5")


@pytest.fixture(scope="module")
def config(tmp_path_factory) -> Path:
    return write_tiny_project(tmp_path_factory.mktemp("signals"), name="tiny_signals")


def start(log: Path, *args: object) -> subprocess.Popen:
    with log.open("w") as file:
        return subprocess.Popen(
            [sys.executable, *map(str, args)],
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            start_new_session=True,
        )


def wait_for(file: Path, process: subprocess.Popen) -> None:
    end = time.monotonic() + 120
    while not file.exists():
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.1)


def running(group: int) -> list[int]:
    """Processes of a group that have not ended."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, _, its_group = (folder / "stat").read_text().rsplit(")")[1].split()[:3]
        except OSError:  # ended meanwhile
            continue
        if int(its_group) == group and state != "Z":
            found.append(int(folder.name))
    return found


def assert_all_end(group: int) -> None:
    end = time.monotonic() + 20
    while running(group):
        assert time.monotonic() < end, running(group)
        time.sleep(0.2)


@pytest.mark.parametrize(
    ("num_processes", "number", "to_all", "code"),
    [
        (1, signal.SIGTERM, False, 143),
        (1, signal.SIGINT, True, 130),
        (2, signal.SIGTERM, False, 143),
        (2, signal.SIGINT, True, 130),
        (2, signal.SIGKILL, False, -9),
    ],
)
def test_training(config, tmp_path, num_processes, number, to_all, code):
    output, log = tmp_path / "run", tmp_path / "log.txt"
    process = start(
        log,
        *(TRAIN_NET, "--config-file", config, "--num-gpus", num_processes),
        *(*LONG, f"train.output_dir={output}"),
    )
    wait_for(output / "last_checkpoint", process)
    os.killpg(process.pid, number) if to_all else process.send_signal(number)
    assert process.wait(60) == code
    assert_all_end(process.pid)
    text = log.read_text()
    assert "Traceback" not in text
    name = (output / "last_checkpoint").read_text()
    last = int(name[len("model_") : -len(".pth")])
    assert (output / name).is_file()
    assert f"stopped the training after iteration {last}" in text


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_compare(config, tmp_path, number, code):
    """The training that it has started ends with a checkpoint too."""
    log = tmp_path / "log.txt"
    process = start(
        log,
        *(TRAIN_NET.with_name("compare.py"), "--configs", config, "--seeds", 1),
        *("--output", tmp_path / "runs", *LONG),
    )
    run = tmp_path / "runs" / config.stem / "seed_1"
    wait_for(run / "last_checkpoint", process)
    process.send_signal(number)
    assert process.wait(60) == code
    assert_all_end(process.pid)
    assert "SIGTERM stopped the training" in (run / "console.txt").read_text()


def test_two_trainings_in_one_folder(config, tmp_path):
    output = tmp_path / "run"
    command = (TRAIN_NET, "--config-file", config, *LONG, f"train.output_dir={output}")
    first = start(tmp_path / "first.txt", *command)
    wait_for(output / "last_checkpoint", first)
    second = start(tmp_path / "second.txt", *command)
    assert second.wait(60) == 1
    last = (tmp_path / "second.txt").read_text().splitlines()[-1]
    assert last.startswith(f"Error: Another training (process {first.pid}) writes to {output}: ")
    first.kill()
    first.wait()
