"""What the configs with masks have beyond O2F's."""

from pathlib import Path

import pytest
import torch
from detectron2.config import LazyConfig, instantiate

CONFIGS = Path(__file__).parent.parent / "configs/COCO-InstanceSegmentation"


@pytest.mark.parametrize("schedule, epochs", [("1x", 12), ("ms_3x", 36)])
def test_recipe(schedule, epochs):
    cfg = LazyConfig.load(str(CONFIGS / f"o2f_condinst_R_50_FPN_{schedule}.py"))
    assert cfg.train.max_iter == pytest.approx(epochs * 117266 / 16, abs=1)
    assert cfg.lr_multiplier.warmup_iters == 500
    assert cfg.dataloader.train.mapper.use_instance_mask
    assert cfg.model.losses.box_loss_weight == 1 and cfg.model.test_nms_thresh is None
    with torch.device("meta"):
        model = instantiate(cfg.model)
    assert model.head.controller.out_channels == 169
    cfg.optimizer.params.model = model
    groups = {id(p): g for g in instantiate(cfg.optimizer).param_groups for p in g["params"]}
    weight, bias = (groups[id(p)] for p in model.head.cls_logits.parameters())
    norm = [groups[id(p)] for p in model.head.cls_tower[0].norm.parameters()]
    assert (weight["lr"], weight["weight_decay"]) == (0.01, 1e-4)
    assert (bias["lr"], bias["weight_decay"]) == (0.02, 0)
    assert [(group["lr"], group["weight_decay"]) for group in norm] == [(0.01, 1e-4)] * 2
