"""What the soak checks; the soak itself takes longer than a test may."""

import random

import pytest
import torch
from commands.soak import checkpoint_faults, metrics_faults, plan_kills


@pytest.mark.parametrize(
    ("iterations", "faults"),
    [
        ([4, 9, 11, 12], []),
        ([4, 9, 9, 11, 12], ["the iterations in metrics.json do not rise"]),
        ([9, 4, 11, 12], ["the iterations in metrics.json do not rise"]),
        ([4, 11, 12], ["metrics.json lacks 1 iterations, the first is 9"]),
    ],
)
def test_iterations_of_twelve_steps(iterations, faults):
    rows = [{"iteration": k} for k in iterations]
    assert list(metrics_faults(rows, max_iter=12, log_period=5)) == faults


def save(file, iteration, steps):
    optimizer = {"state": {0: {"step": torch.tensor(float(steps))}}}
    torch.save({"trainer": {"iteration": iteration, "optimizer": optimizer}}, file)


def test_checkpoints(tmp_path):
    save(tmp_path / "model_0000009.pth", 9, 10)
    save(tmp_path / "model_final.pth", 11, 12)
    torch.save({"model": {}}, tmp_path / "model_best.pth")
    (tmp_path / "last_checkpoint").write_text("model_final.pth")
    assert list(checkpoint_faults(tmp_path, max_iter=12)) == []

    save(tmp_path / "model_0000009.pth", 8, 10)
    save(tmp_path / "model_final.pth", 11, 11)
    (tmp_path / "model_best.pth").write_text("cut")
    (tmp_path / "model_0000004.pth.partial").touch()
    (tmp_path / "last_checkpoint").write_text("model_0000009.pth")
    found = [fault.split(" ", 1)[1] for fault in checkpoint_faults(tmp_path, max_iter=12)]
    assert found[:3] == ["is left", "does not name model_final.pth", "is of iteration 8"]
    assert found[3].startswith("cannot be loaded")
    assert found[4] == "has seen [11] steps of its optimizer"


def test_kills():
    plan = plan_kills(random.Random(0), kills=20, last=100)
    assert [kill.iteration for kill in plan] == sorted(kill.iteration for kill in plan)
    assert sum(kill.writing for kill in plan) == 10
    assert plan == plan_kills(random.Random(0), kills=20, last=100)
    assert max(kill.delay for kill in plan if kill.writing) < 0.02 <= max(k.delay for k in plan)
