"""Configs of crowds: O2F's published recipe for CrowdHuman, and the small ones for CrowdDigits."""

from pathlib import Path

import pytest
import torch
from detectron2.config import LazyConfig, instantiate

from dual_weighting.evaluation.crowdhuman_files import CrowdHumanEvaluator

CONFIGS = Path(__file__).parent.parent / "configs"


def load(name):
    return LazyConfig.load(str(CONFIGS / name))


@pytest.mark.parametrize("scheme", ["o2f", "dw"])
def test_published_recipe(scheme):
    cfg = load(f"CrowdHuman/{scheme}_R_50_FPN_50ep.py")
    assert cfg.train.max_iter == 50 * 15000 // 16
    assert cfg.optimizer._target_ is torch.optim.AdamW
    assert (cfg.optimizer.lr, cfg.optimizer.weight_decay) == (4e-5, 1e-4)
    multiplier = instantiate(cfg.lr_multiplier)
    assert [multiplier(epoch / 50) for epoch in (39.9, 40.1, 49)] == pytest.approx([1, 0.1, 0.1])
    resize = cfg.dataloader.train.mapper.augmentations[0]
    assert (resize.short_edge_length, resize.max_size) == ([480, 960], 1400)
    assert resize.sample_style == "range"
    model = cfg.model
    assert (model.num_classes, model.test_topk_candidates) == (1, 5000)
    assert model.max_detections_per_image == 500
    assert (model.test_nms_thresh is None) == (scheme == "o2f")
    if scheme == "o2f":
        assert model.scheme.num_soft == 4


@pytest.mark.parametrize(
    ("name", "ignored"),
    [("CrowdHuman/o2f_R_50_FPN_50ep.py", False), ("CrowdDigits/fcos_R_18_FPN.py", True)],
)
def test_regions_while_training(name, ignored):
    """Background for CrowdHuman, as in the release."""
    cfg = load(name)
    assert cfg.dataloader.train.mapper.ignore_regions == ignored
    assert cfg.dataloader.evaluator._target_ is CrowdHumanEvaluator
    assert cfg.dataloader.evaluator.dataset_name == cfg.dataloader.test.dataset.names
