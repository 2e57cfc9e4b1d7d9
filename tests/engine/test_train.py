"""The decisions of a training, without training."""

import argparse

import pytest
from commands.tiny_project import write_tiny_project
from torch import nn

from dual_weighting.config.load import load_config
from dual_weighting.engine.train import build_trainer, evaluate, prepare_output, train_command
from dual_weighting.utils.errors import UserError


@pytest.fixture
def config_file(tmp_path) -> str:
    return str(write_tiny_project(tmp_path, name="tiny_of_test_train"))


def run(config_file: str, *overrides: str, **options) -> None:
    common = {"num_gpus": 1, "num_machines": 1, "machine_rank": 0, "dist_url": "auto"}
    common |= {"eval_only": False, "resume": False, "evaluator": None}
    more = {"config_file": config_file, "opts": list(overrides)}
    train_command(argparse.Namespace(**{**common, **more, **options}))


def test_starting_over_puts_the_earlier_run_aside(tmp_path, caplog):
    for name in ("last_checkpoint", "metrics.json", "model_final.pth"):
        (tmp_path / name).write_text(name)
    prepare_output(str(tmp_path), resume=True)
    assert not list(tmp_path.glob("*.bak")) and not caplog.text
    prepare_output(str(tmp_path), resume=False)
    names = {file.name for file in tmp_path.iterdir()}
    assert names == {"last_checkpoint.bak", "metrics.json.bak", "model_final.pth"}
    assert "--resume would continue it" in caplog.text
    caplog.clear()
    prepare_output(str(tmp_path / "new"), resume=False)
    assert not caplog.text


def test_mixed_precision_needs_a_gpu(config_file):
    with pytest.raises(UserError, match="enabled=True needs a GPU"):
        run(config_file, "train.amp={enabled: True, dtype: float16}", "train.device=cpu")


@pytest.mark.parametrize("start", ["", "torchvision://resnet50"])
def test_evaluating_needs_a_trained_detector(config_file, start):
    cfg = load_config(config_file, [f"train.init_checkpoint={start}"])
    with pytest.raises(UserError, match=r"init_checkpoint=.*model_final"):
        evaluate(cfg, nn.Linear(2, 2))


def test_batch_that_cannot_be_divided(config_file, monkeypatch):
    monkeypatch.setattr("detectron2.utils.comm.get_world_size", lambda: 3)
    with pytest.raises(UserError, match="total_batch_size=4 cannot be divided among 3 processes"):
        build_trainer(load_config(config_file), nn.Linear(2, 2))


def test_config_without_a_training(tmp_path):
    file = tmp_path / "config.py"
    file.write_text("model = dict(a=1)")
    with pytest.raises(
        UserError, match="does not define optimizer, lr_multiplier, dataloader, train"
    ):
        run(str(file))
