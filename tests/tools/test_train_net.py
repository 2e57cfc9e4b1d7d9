"""tools/train_net.py from the first iteration to the last picture, as commands."""

import json
import signal
import time
from pathlib import Path

import pytest
import torch
from commands.run import HERE, TRAIN_NET, command, start

pytestmark = pytest.mark.slow


def iterations(output: Path) -> list[int]:
    lines = (output / "metrics.json").read_text().splitlines()
    return [json.loads(line)["iteration"] for line in lines]


def learning_rates(output: Path) -> dict[int, float]:
    lines = map(json.loads, (output / "metrics.json").read_text().splitlines())
    return {line["iteration"]: line["lr"] for line in lines if "lr" in line}


def same_metrics(first: Path, second: Path) -> bool:
    """Whether two evaluations agree in every digit (as text, in which NaN equals itself)."""
    return (first / "evaluation.json").read_text() == (second / "evaluation.json").read_text()


def test_training_leaves_what_it_says(trained):
    output, _ = trained
    pictures = ("detections.png", "training_curves.png", "report.html")
    for name in ("model_final.pth", "config.yaml", *pictures):
        assert (output / name).stat().st_size > 0
    # Five-iteration lines, then the evaluation under the number of iterations done.
    assert iterations(output) == [4, 9, 14, 19, 24, 29, 34, 39, 40]
    ap = json.loads((output / "evaluation.json").read_text())["bbox"]["AP"]
    assert ap > 10  # bright squares on a dark ground, seen 13 times
    lines = [json.loads(line) for line in (output / "metrics.json").read_text().splitlines()]
    assert lines[-1]["bbox/AP"] == lines[-1]["duplicates/with_nms/AP"] == ap
    assert lines[-2]["training_progress"] == 1
    assert lines[-2]["assignment/positives_per_gt"] >= 1


def test_console_can_be_followed(trained):
    output, result = trained
    assert "Running on" in result.stdout
    assert "eta: " in result.stdout and "total_loss: " in result.stdout
    assert "copypaste: AP,AP50,AP75,APs,APm,APl" in result.stdout
    _, places = result.stdout.split("Evaluation results for bbox")
    assert "|   AP   |" in places and f"{output / 'model_final.pth'}" in places.splitlines()[-6]
    assert f"{output / 'report.html'}" in places.splitlines()[-1]
    # What fills screens is in the log file alone.
    assert "PyTorch built with" not in result.stdout
    assert "PyTorch built with" in (output / "log.txt").read_text()
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("processes", [1, 2])
def test_evaluating_gives_the_metrics_of_the_training(trained, tiny_config, tmp_path, processes):
    output, _ = trained
    result = command(
        *("--config-file", tiny_config, "--eval-only", "--num-gpus", processes),
        *(f"train.init_checkpoint={output / 'model_final.pth'}", f"train.output_dir={tmp_path}"),
    )
    assert result.returncode == 0, result.stderr
    assert same_metrics(output, tmp_path)
    assert (tmp_path / "detections.png").is_file()


def test_resume_after_being_killed_between_checkpoints(trained, tiny_config, tmp_path):
    """Killed at some iteration after 9; the resumed run has the schedule of an undisturbed one."""
    config, output = ("--config-file", tiny_config), f"train.output_dir={tmp_path}"
    process = start(TRAIN_NET, *config, output)
    metrics = tmp_path / "metrics.json"
    # The checkpoint of iteration 9, and then its line of metrics.
    while not metrics.exists() or '"iteration": 9,' not in metrics.read_text():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    last = torch.load(tmp_path / (tmp_path / "last_checkpoint").read_text())["iteration"]
    # As if it had been killed a little later: a logged iteration, and a line cut in two.
    with (tmp_path / "metrics.json").open("a") as file:
        file.write('{"iteration": 39, "lr": 1.0}\n{"iterat')

    result = command(*config, "--resume", output)
    assert result.returncode == 0, result.stderr
    assert f"Starting training from iteration {last + 1}" in result.stdout
    assert iterations(tmp_path) == [4, 9, 14, 19, 24, 29, 34, 39, 40]
    assert learning_rates(tmp_path) == pytest.approx(learning_rates(trained[0]))


def test_resume_after_being_killed_while_saving(tiny_config, tmp_path):
    options = ("--config-file", tiny_config, "--resume", f"train.output_dir={tmp_path}")
    killed = command(*options, script=HERE / "killed_while_saving.py")
    assert killed.returncode == -signal.SIGKILL
    assert "No checkpoint to resume" in killed.stdout
    assert (tmp_path / "model_0000019.pth.partial").stat().st_size > 0
    assert (tmp_path / "last_checkpoint").read_text() == "model_0000009.pth"

    (tmp_path / "model_0000004.pth.partial").touch()
    result = command(*options)
    assert result.returncode == 0, result.stderr
    assert "Starting training from iteration 10" in result.stdout
    assert not list(tmp_path.glob("*.partial"))
    assert iterations(tmp_path) == [4, 9, 14, 19, 24, 29, 34, 39, 40]


def test_a_full_disk_leaves_the_last_checkpoint(tiny_config, tmp_path):
    """No file may grow after the first checkpoint: the log, the metrics, TensorBoard's events and
    the second checkpoint."""
    options = ("--config-file", tiny_config, f"train.output_dir={tmp_path}", "train.log_period=1")
    # Where coverage is measured, it too would complain of the full disk.
    result = command(*options, script=HERE / "full_disk.py", COVERAGE_PROCESS_CONFIG="")
    assert result.returncode == 1
    assert "Traceback" not in result.stderr + result.stdout
    assert "Logging error" not in result.stderr and "Exception ignored" not in result.stderr
    error = result.stderr.strip().splitlines()[-1]
    expected = f"Error: Nothing more can be written into {tmp_path}: File too large ("
    assert error.startswith(expected) and error.endswith("a training with --resume.")
    last = (tmp_path / "last_checkpoint").read_text()
    assert last == "model_0000009.pth" and (tmp_path / last).is_file()
    assert not list(tmp_path.glob("*.partial"))


def test_resuming_a_finished_run_only_evaluates(trained, tiny_config):
    output, _ = trained
    before = (output / "metrics.json").read_text(), (output / "evaluation.json").read_text()
    result = command("--config-file", tiny_config, "--resume", f"train.output_dir={output}")
    assert result.returncode == 0, result.stderr
    assert "All 40 iterations are done already" in result.stdout
    assert "eta: " not in result.stdout
    after = (output / "metrics.json").read_text(), (output / "evaluation.json").read_text()
    assert after == before


def test_a_loss_that_is_no_number_stops_both_processes(tiny_config, tmp_path):
    """Said once, with the images of both; tests/engine/test_trainer.py has the single process."""
    result = command(
        *("--config-file", tiny_config, "--num-gpus", 2),
        *("optimizer.lr=1e30", f"train.output_dir={tmp_path}"),
    )
    assert result.returncode == 1
    errors = [line for line in result.stderr.splitlines() if "Error" in line]
    assert len(errors) == 1 and "Traceback" not in result.stderr + result.stdout
    assert "loss_cls_pos is nan" in errors[0] and "in iteration 1, on" in errors[0]
    assert errors[0].count(".png") == 4
    assert not list(tmp_path.glob("*.pth"))


def test_an_error_is_one_line(tiny_config, tmp_path):
    options = ("--config-file", tiny_config, "train.max_itr=3", f"train.output_dir={tmp_path}")
    result = command(*options)
    assert result.returncode == 1 and result.stdout == ""
    assert result.stderr.strip().splitlines()[-1].startswith("Error: The config has no key")
    assert "Traceback" not in result.stderr


def test_backbone_weights_that_cannot_be_downloaded(tiny_config, tmp_path):
    nowhere = "http://127.0.0.1:9"
    result = command(
        *("--config-file", tiny_config, "train.init_checkpoint=torchvision://resnet18"),
        f"train.output_dir={tmp_path}",
        TORCH_HOME=str(tmp_path / "home"),
        **{"http_proxy": nowhere, "https_proxy": nowhere, "no_proxy": ""},
    )
    assert result.returncode == 1 and "Traceback" not in result.stderr
    error = result.stderr.strip().splitlines()[-1]
    assert "https://download.pytorch.org/models/resnet18-" in error
    assert str(tmp_path / "home" / "hub" / "checkpoints" / "resnet18-") in error
