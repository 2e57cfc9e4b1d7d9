"""Weights & Biases, with a module in its place."""

import sys
from types import SimpleNamespace

import pytest
from detectron2.utils.events import EventStorage
from omegaconf import OmegaConf

from dual_weighting.engine.build import check_training_options
from dual_weighting.engine.writers import WandbWriter
from dual_weighting.utils.errors import UserError

CFG = OmegaConf.create({"train": {"max_iter": 3}})


class FakeRun:
    def __init__(self):
        self.id, self.rows, self.metrics, self.finished = "abc123", [], [], False

    def define_metric(self, *args, **kwargs):
        self.metrics.append((args, kwargs))

    def log(self, row):
        self.rows.append(row)

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


def test_scalars_go_to_their_iterations(fake, tmp_path):
    writer = WandbWriter(str(tmp_path), CFG, project="p", name=None)
    with EventStorage(0) as storage:
        storage.put_scalar("total_loss", 3.0)
        writer.write()
        storage.iter = 1
        storage.put_scalar("bbox/AP", 40.0, smoothing_hint=False)
        writer.write()
        writer.write()
    writer.close()
    rows = [{"total_loss": 3.0, "iteration": 0}, {"bbox/AP": 40.0, "iteration": 1}]
    assert fake.run.rows == rows and fake.run.finished
    assert fake.run.metrics == [(("*",), {"step_metric": "iteration"})]
    common = {"dir": str(tmp_path), "resume": "allow", "project": "p"}
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
    train = {"amp": {"enabled": False}, "wandb": {"enabled": True, "project": "p"}}
    with pytest.raises(UserError, match=r"enabled=True needs the package wandb: run `pip install"):
        check_training_options(OmegaConf.create({"train": train}), "cpu")
