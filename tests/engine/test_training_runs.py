"""Whole trainings of a few iterations with the options of `train`."""

import re

import pytest
import torch
from commands.tiny_project import write_tiny_project
from commands.tiny_training import rows_of, series_of, train_tiny
from detectron2.config import instantiate

from dual_weighting.checkpoint import Checkpointer
from dual_weighting.config.load import load_config
from dual_weighting.engine.train import evaluate
from dual_weighting.utils.errors import UserError

pytestmark = pytest.mark.slow
BEST = {"enabled": True, "metric": "bbox/AP", "mode": "min"}  # AP falls at first
EMA = {"enabled": True, "decay": 0.9}
EVERYTHING = {
    "accumulate": 2,
    "clip_grad_norm": 0.5,
    "amp": {"enabled": True, "dtype": "bfloat16"},
    "ema": EMA,
    "best_checkpoint": BEST,
}


@pytest.fixture(scope="module")
def config_file(tmp_path_factory):
    return write_tiny_project(tmp_path_factory.mktemp("tiny"), name="tiny_of_training_runs")


@pytest.fixture(scope="module")
def with_everything(config_file, tmp_path_factory):
    output = tmp_path_factory.mktemp("everything")
    train_tiny(config_file, output, checkpointer={"period": 2}, **EVERYTHING)
    return output


@pytest.fixture
def no_pictures(monkeypatch):
    monkeypatch.setattr("dual_weighting.engine.train.after_evaluation", lambda *args: None)


def same(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


def test_all_options_together(with_everything):
    aps = series_of(with_everything, "bbox/AP")
    assert list(aps) == [1, 3, 6]  # the last evaluation is of the number of iterations done
    assert aps[6] < min(aps[1], aps[3])
    norms = series_of(with_everything, "grad_norm")
    assert len(norms) == 6 and all(norm > 0 for norm in norms.values())
    assert list(with_everything.glob("events.out.tfevents*"))
    assert (with_everything / "training_curves.png").stat().st_size > 0
    last = (with_everything / "last_checkpoint").read_text()
    assert last == "model_final.pth"


@pytest.mark.usefixtures("no_pictures")
def test_best_and_last_checkpoint_are_averages(with_everything, config_file, tmp_path):
    """The last evaluation was the best one; its checkpoint has the weights of the last step."""
    best = torch.load(with_everything / "model_best.pth", weights_only=True)
    final = torch.load(with_everything / "model_final.pth", weights_only=True)
    assert best["iteration"] == 6
    assert same(best["model"], final["model"])
    assert not same(final["ema"]["trained"], final["model"]) and final["ema"]["updates"] == 6

    # Without any option: the metrics of a plain detector with these weights.
    cfg = load_config(str(config_file), [f"train.output_dir={tmp_path}"])
    cfg.train.init_checkpoint = str(with_everything / "model_best.pth")
    ap = evaluate(cfg, instantiate(cfg.model))["bbox"]["AP"]
    assert ap == pytest.approx(series_of(with_everything, "bbox/AP")[6], nan_ok=True)


@pytest.mark.usefixtures("no_pictures")
def test_resumed(with_everything, config_file, tmp_path):
    """As if killed after iteration 3; the last two steps see other images, so losses differ."""
    for name in ("model_0000003.pth", "metrics.json", "model_best.pth"):
        (tmp_path / name).write_bytes((with_everything / name).read_bytes())
    (tmp_path / "last_checkpoint").write_text("model_0000003.pth")
    train_tiny(config_file, tmp_path, resume=True, **EVERYTHING)
    assert [row["iteration"] for row in rows_of(tmp_path)] == list(range(7))
    before, after = (series_of(f, "bbox/AP") for f in (with_everything, tmp_path))
    assert after[3] == before[3] and after[6] < after[3]
    final = torch.load(tmp_path / "model_final.pth", weights_only=True)
    assert final["ema"]["updates"] == 6
    assert torch.load(tmp_path / "model_best.pth", weights_only=True)["iteration"] == 6


@pytest.mark.usefixtures("no_pictures")
def test_an_average_may_be_given_up(with_everything, config_file, tmp_path):
    (tmp_path / "model_0000003.pth").write_bytes(
        (with_everything / "model_0000003.pth").read_bytes()
    )
    (tmp_path / "last_checkpoint").write_text("model_0000003.pth")
    train_tiny(config_file, tmp_path, resume=True, max_iter=5)
    assert "ema" not in torch.load(tmp_path / "model_final.pth", weights_only=True)


STOPPING = {"enabled": True, "metric": "bbox/AP50", "mode": "max", "patience": 1, "min_delta": 100}


def test_early_stopping_ends_like_a_full_training(config_file, tmp_path, caplog):
    """No AP50 is 100 better than the first, so the second evaluation ends it, after 4 of 6."""
    caplog.set_level("INFO")
    train_tiny(config_file, tmp_path, early_stopping=STOPPING)
    assert [row["iteration"] for row in rows_of(tmp_path)] == [0, 1, 2, 3]
    assert list(series_of(tmp_path, "bbox/AP50")) == [1, 3]
    for name in ("evaluation.json", "detections.png", "training_curves.png"):
        assert (tmp_path / name).stat().st_size > 0
    assert torch.load(tmp_path / "model_final.pth", weights_only=True)["iteration"] == 3
    assert "Early stopping after 4 iterations" in caplog.text

    caplog.clear()
    train_tiny(config_file, tmp_path, resume=True, early_stopping=STOPPING)
    assert "Starting training" not in caplog.text  # it is over, only evaluated
    assert list(series_of(tmp_path, "bbox/AP50")) == [1, 3, 4]
    patient = STOPPING | {"patience": 9}
    train_tiny(config_file, tmp_path, resume=True, early_stopping=patient)
    assert list(series_of(tmp_path, "bbox/AP50")) == [1, 3, 6]


SKIPPING = """
from dual_weighting.data import DetectionMapper

dataloader["train"].mapper._target_ = DetectionMapper
dataloader["train"].mapper.on_bad_image = "skip"
"""


@pytest.mark.usefixtures("no_pictures")
def test_bad_images_are_skipped(tmp_path, monkeypatch, caplog):
    """One of 12 images is empty; it is not evaluated."""
    monkeypatch.setattr("dual_weighting.engine.evaluation.inference_on_dataset", lambda *args: {})
    config_file = write_tiny_project(tmp_path, name="tiny_with_an_empty_image")
    config_file.write_text(config_file.read_text() + SKIPPING)
    (tmp_path / "003.png").write_bytes(b"")
    train_tiny(config_file, tmp_path / "output", max_iter=6, eval_period=0)
    assert "003.png (image id" in caplog.text and "Skipped image 1 of this process" in caplog.text


def test_unknown_metric(config_file, tmp_path):
    best = BEST | {"metric": "bbox/AP60"}
    with pytest.raises(UserError) as error:
        train_tiny(config_file, tmp_path, best_checkpoint=best)
    names = re.search("use one of (.*)\\.", str(error.value))[1].split(", ")
    assert "bbox/AP" in names and "total_loss" not in names


@pytest.mark.usefixtures("no_pictures")
def test_nothing_is_written_that_is_off(config_file, tmp_path):
    train_tiny(config_file, tmp_path, max_iter=2, tensorboard=False)
    assert not list(tmp_path.glob("events*")) and not (tmp_path / "model_best.pth").exists()
    names = {name for row in rows_of(tmp_path) for name in row}
    assert not [name for name in names if name == "grad_norm"]


@pytest.mark.usefixtures("no_pictures")
def test_starting_over_forgets_the_best(config_file, tmp_path):
    torch.save({}, tmp_path / "model_best.pth")
    (tmp_path / "metrics.json").write_text('{"iteration": 1, "bbox/AP": -1e9}\n')
    train_tiny(config_file, tmp_path, max_iter=2, best_checkpoint=BEST)
    assert (tmp_path / "model_best.pth.bak").exists()
    Checkpointer(instantiate(load_config(str(config_file)).model), complete=True).load(
        str(tmp_path / "model_best.pth")
    )
