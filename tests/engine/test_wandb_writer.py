"""Weights & Biases, with a module in its place."""

import sys
from types import SimpleNamespace

import pytest
import torch
from omegaconf import OmegaConf

from dual_weighting.config.load import train_defaults
from dual_weighting.engine.build import check_training_options
from dual_weighting.engine.writers import WandbWriter
from dual_weighting.utils.errors import UserError

CFG = OmegaConf.create({"train": {"max_iter": 3}})


class FakeRun:
    id, finished = "abc123", False

    def finish(self):
        self.finished = True


@pytest.fixture
def fake(monkeypatch):
    fake = SimpleNamespace(run=FakeRun(), arguments=[])

    def init(**kwargs):
        fake.arguments.append(kwargs)
        return fake.run

    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(init=init))
    return fake


def test_wandb_takes_what_tensorboard_gets(fake, tmp_path):
    writer = WandbWriter(str(tmp_path), CFG, project="p", name=None)
    writer.write()
    assert not fake.run.finished
    writer.close()
    assert fake.run.finished
    common = {"dir": str(tmp_path), "resume": "allow", "project": "p", "sync_tensorboard": True}
    assert fake.arguments == [{**common, "id": None, "config": {"train": {"max_iter": 3}}}]


def test_a_resumed_training_goes_on_in_its_run(fake, tmp_path):
    WandbWriter(str(tmp_path), CFG)
    WandbWriter(str(tmp_path), CFG)
    assert [arguments["id"] for arguments in fake.arguments] == [None, "abc123"]


def test_what_wandb_refuses_is_one_sentence(fake, tmp_path, monkeypatch):
    def refuse(**kwargs):
        raise RuntimeError("no API key\nconfigured")

    monkeypatch.setattr(sys.modules["wandb"], "init", refuse)
    with pytest.raises(UserError, match=r"start \(no API key configured\): run `wandb login`, or"):
        WandbWriter(str(tmp_path), CFG)


def test_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    wandb = {"enabled": True, "project": "p"}
    cfg = OmegaConf.create({"train": OmegaConf.merge(train_defaults(), {"wandb": wandb})})
    with pytest.raises(UserError, match=r"enabled=True needs the package wandb: run `pip install"):
        check_training_options(cfg, torch.device("cpu"))
