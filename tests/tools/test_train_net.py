"""tools/train_net.py from the first iteration to the last picture, as commands."""

import json
import signal

import pytest
from commands.run import HERE, command, run_here
from commands.tiny_training import rows_of, series_of

from dual_weighting.cli import train

pytestmark = pytest.mark.slow

# Five-iteration lines, then the evaluation under the number of iterations done.
ITERATIONS = [4, 9, 14, 19, 24, 29, 34, 39, 40]


def test_training_leaves_what_it_says(trained):
    output, _ = trained
    pictures = ("detections.png", "training_curves.png", "report.html")
    for name in ("model_final.pth", "config.yaml", *pictures):
        assert (output / name).stat().st_size > 0
    lines = rows_of(output)
    assert [line["iteration"] for line in lines] == ITERATIONS
    ap = json.loads((output / "evaluation.json").read_text())["bbox"]["AP"]
    assert ap > 10  # bright squares on a dark ground, seen 13 times
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


def test_evaluating_gives_the_metrics_of_the_training(trained, tiny_config, tmp_path):
    """With one process, not two. As text, in which NaN equals itself."""
    output, _ = trained
    result = run_here(
        train,
        *("--config-file", tiny_config, "--eval-only"),
        *(f"train.init_checkpoint={output / 'model_final.pth'}", f"train.output_dir={tmp_path}"),
    )
    assert result.returncode == 0, result.stderr
    found, expected = ((x / "evaluation.json").read_text() for x in (tmp_path, output))
    assert found == expected
    assert (tmp_path / "detections.png").is_file()


def test_resume_after_being_killed_while_saving(trained, tiny_config, tmp_path):
    """Killed at iteration 19; the resumed run has the schedule of an undisturbed one."""
    options = ("--config-file", tiny_config, "--resume", f"train.output_dir={tmp_path}")
    killed = command(*options, script=HERE / "killed_while_saving.py")
    assert killed.returncode == -signal.SIGKILL
    assert "No checkpoint to resume" in killed.stdout
    assert (tmp_path / "model_0000019.pth.partial").stat().st_size > 0
    assert (tmp_path / "last_checkpoint").read_text() == "model_0000009.pth"

    (tmp_path / "model_0000004.pth.partial").touch()
    # As if it had been killed a little later: a logged iteration, and a line cut in two.
    with (tmp_path / "metrics.json").open("a") as file:
        file.write('{"iteration": 39, "lr": 1.0}\n{"iterat')
    result = command(*options)
    assert result.returncode == 0, result.stderr
    assert "Starting training from iteration 10" in result.stdout
    assert not list(tmp_path.glob("*.partial"))
    assert [row["iteration"] for row in rows_of(tmp_path)] == ITERATIONS
    assert series_of(tmp_path, "lr") == pytest.approx(series_of(trained[0], "lr"))


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
    assert f"{tmp_path}: File too large" in error and "--resume" in error
    last = (tmp_path / "last_checkpoint").read_text()
    assert last == "model_0000009.pth" and (tmp_path / last).is_file()
    assert not list(tmp_path.glob("*.partial"))


def test_resuming_a_finished_run_only_evaluates(trained, tiny_config):
    output, _ = trained
    files = [output / f"{name}.json" for name in ("metrics", "evaluation")]
    before = [file.read_text() for file in files]
    result = run_here(train, "--config-file", tiny_config, "--resume", f"train.output_dir={output}")
    assert result.returncode == 0, result.stderr
    log = (output / "log.txt").read_text()
    assert "All 40 iterations are" in log
    assert log.count("Starting training from iteration") == 1
    assert [file.read_text() for file in files] == before


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
