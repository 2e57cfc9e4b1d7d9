"""The first optimizer steps of the authors' releases, on one batch."""

import json
from pathlib import Path

import pytest
from checkpoint.test_golden_models import inputs, released_model
from detectron2.config import instantiate
from detectron2.solver import LRMultiplier

from dual_weighting import model_zoo

FOLDER = Path(__file__).parent.parent / "golden" / "trajectories"
TOLERANCE = {"dw_r50_norefine": 1e-4, "o2f_r50": 2e-4, "o2f_condinst_r50": 2e-4}


@pytest.mark.slow
@pytest.mark.parametrize("name", TOLERANCE)
def test_trajectory(name, tmp_path):
    golden = json.loads((FOLDER / f"{name}.json").read_text())
    _, model = released_model(name, tmp_path)
    cfg = model_zoo.get_config(golden["config"])
    cfg.optimizer.params.model = model.train()
    optimizer = instantiate(cfg.optimizer)
    schedule = LRMultiplier(optimizer, instantiate(cfg.lr_multiplier), cfg.train.max_iter)
    images = inputs(golden)
    for expected in golden["release"]:
        model.training_progress = 0.0
        losses = model(images)
        assert max(group["lr"] for group in optimizer.param_groups) == pytest.approx(expected["lr"])
        for key, value in losses.items():
            tolerance = 1e-3 if key == "loss_cls_neg" else TOLERANCE[name]
            assert value.item() == pytest.approx(expected["losses"][key], rel=tolerance), key
        optimizer.zero_grad()
        sum(losses.values()).backward()
        optimizer.step()
        schedule.step()
