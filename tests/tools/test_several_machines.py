"""Processes of two machines, which are both this one, and those of torchrun."""

import json
import os
import re
import socket
from pathlib import Path

import pytest
from commands.recorded_losses import recorded_losses
from commands.run import HERE, TRAIN_NET, start
from commands.tiny_project import write_mostly_empty_project
from commands.tiny_training import series_of, train_tiny

pytestmark = pytest.mark.slow

TRAINING = ("train.max_iter=6", "train.log_period=1", "lr_multiplier.warmup_iters=1")


@pytest.fixture(scope="module")
def configs(tmp_path_factory) -> dict[str, Path]:
    return write_mostly_empty_project(tmp_path_factory.mktemp("configs"), name="tiny_machines")


@pytest.fixture(scope="module")
def one_process(configs, tmp_path_factory) -> tuple[Path, dict[str, list[dict]]]:
    """The folder of output folders by scheme, and what was recorded of each training."""
    root, recorded = tmp_path_factory.mktemp("one_process"), {}
    for scheme, config in configs.items():
        with recorded_losses() as recorded[scheme]:
            train_tiny(config, root / scheme, eval_period=0)
    return root, recorded


@pytest.fixture(scope="module")
def two_machines(configs, tmp_path_factory) -> tuple[Path, list[tuple[int, str, str]]]:
    """The folder of losses and of the machines' outputs; exit code, stdout and stderr of both."""
    root = tmp_path_factory.mktemp("two_machines")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    machines = [
        start(
            HERE / "schemes_on_machines.py",
            *("--config-file", configs["dw"], "--num-machines", 2, "--machine-rank", rank),
            *("--dist-url", address, "--dist-timeout", 5, "--num-gpus", 1),
            *(*TRAINING, f"train.output_dir={root / f'machine_{rank}'}"),
            CONFIGS=os.pathsep.join(map(str, configs.values())),
            LOSSES=str(root),
            PYTHONPATH=str(HERE.parent),
        )
        for rank in range(2)
    ]
    printed = [machine.communicate(timeout=170) for machine in machines]
    return root, [(m.returncode, *texts) for m, texts in zip(machines, printed, strict=True)]


@pytest.mark.parametrize("scheme", ["dw", "o2f", "dla", "condinst"])
def test_two_machines_have_the_losses_of_one_process(scheme, one_process, two_machines):
    """The same images in each step, also where one machine has no object, with one more trap:
    a parameter without a gradient on one machine would stop the other."""
    one = one_process[1][scheme]
    files = [two_machines[0] / f"{scheme}_{rank}.json" for rank in range(2)]
    halves = list(zip(*(json.loads(file.read_text()) for file in files), strict=True))
    assert len(one) == len(halves) == 6
    for row, (first, second) in zip(one, halves, strict=True):
        assert sorted(row["images"]) == sorted(first["images"] + second["images"])
        mean = {n: (first["losses"][n] + second["losses"][n]) / 2 for n in row["losses"]}
        assert mean == pytest.approx(row["losses"], rel=1e-4, abs=1e-6)
    assert any(sum(a["objects"]) == 0 < sum(b["objects"]) for a, b in halves)
    assert one[0]["losses"] != pytest.approx(one[-1]["losses"], rel=1e-2)  # something was learned


def test_the_first_machine_writes_the_files(two_machines):
    root, _ = two_machines
    names = [{file.name for file in (root / f"machine_{rank}").iterdir()} for rank in range(2)]
    assert names[1] == {"log.txt.rank1"}
    assert {"log.txt", "metrics.json", "config.yaml", "model_final.pth"} <= names[0]


def test_a_killed_process_ends_the_others(two_machines):
    """In one sentence each, of which the killed process's launcher knows how it ended."""
    _, machines = two_machines
    for code, stdout, stderr in machines:
        assert code == 1 and "Traceback" not in stdout + stderr
    survivor, killed = (stderr.strip().splitlines()[-1] for _, _, stderr in machines)
    assert killed.startswith("Error: Process 1 was ended by the signal SIGKILL: the machine may")
    closed = r"(Connection closed by peer|Read error) \[127\.0\.0\.1\]"  # one of the two
    assert re.match(rf"Error: Process 0 lost another one \({closed}.*that one ended", survivor)
    assert survivor.endswith("--resume continues a training from its last checkpoint.")


def test_torchrun(configs, one_process, tmp_path):
    """Process 1 has no option that says so: torchrun's environment does."""
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", 2)
    process = start(
        *(*torchrun, TRAIN_NET, "--config-file", configs["dw"]),
        *(*TRAINING, f"train.output_dir={tmp_path}"),
    )
    stdout, stderr = process.communicate(timeout=170)
    assert process.returncode == 0, stderr
    assert "2 processes" in stdout
    for loss in ("loss_cls_pos", "loss_cls_neg", "loss_loc"):
        expected = series_of(one_process[0] / "dw", loss)
        assert series_of(tmp_path, loss) == pytest.approx(expected, rel=1e-4)
    assert (tmp_path / "report.html").is_file()
