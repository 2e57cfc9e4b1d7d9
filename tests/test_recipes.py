"""Learning rate, weight decay and start of every parameter, as in the recipes of the releases.

The numbers of tensors are those of the releases' own optimizers (MMDetection 2.28.2).
"""

from collections import Counter

import pytest
import torch
from all_configs import load
from detectron2.config import instantiate
from torch import nn

from dual_weighting.modeling import DeformConv2d, FixedStatisticsBatchNorm
from dual_weighting.solver.parameter_groups import NORMS


def sgd(weights, biases, norms, *, norm_decay=0.0, warmup=1000, bias=(1.0, 1e-4)):
    """Stem and res2 are constant. Counts by kind, learning rate factor and weight decay."""
    counts = {("weight", 1.0, 1e-4): weights, ("bias", *bias): biases}
    counts |= {("norm", 1.0, norm_decay): norms, ("weight", "constant"): 11}
    return 0.01, warmup, counts


def adamw(weights, biases, norms):
    _, warmup, counts = sgd(weights, biases, norms, norm_decay=1e-4)
    return 4e-5, warmup, counts


SWIN = {
    ("weight", 1.0, 0.05): 65,
    ("bias", 1.0, 0.05): 62,
    ("norm", 1.0, 0.05): 22,  # of the head
    ("norm", 1.0, 0.0): 50,  # of the backbone
    ("relative_position_bias_table", 1.0, 0.0): 10,
    ("weight", "constant"): 10,
    ("bias", "constant"): 9,
    ("norm", "constant"): 12,
    ("relative_position_bias_table", "constant"): 2,
}
CONDINST = sgd(77, 25, 124, norm_decay=1e-4, warmup=500, bias=(2.0, 0.0))
ATSS = {"norm_decay": 1e-4, "warmup": 500}
DETECTION, MASKS = "COCO-Detection", "COCO-InstanceSegmentation"
RECIPES = {
    f"{DETECTION}/dw_R_50_FPN_1x": sgd(62, 19, 100),
    f"{DETECTION}/dw_R_101_FPN_ms_2x": sgd(113, 19, 202),
    f"{DETECTION}/dw_refine_R_50_FPN_1x": sgd(63, 20, 100),
    f"{DETECTION}/dw_refine_R_50_FPN_ms_2x": sgd(63, 20, 100),
    f"{DETECTION}/dw_refine_R_50_DCN_FPN_ms_2x": sgd(78, 35, 100),
    f"{DETECTION}/o2f_R_50_FPN_1x": sgd(65, 22, 106),
    f"{DETECTION}/o2f_R_50_FPN_ms_3x": sgd(65, 22, 106),
    f"{DETECTION}/o2f_R_101_FPN_1x": sgd(116, 22, 208),
    f"{DETECTION}/o2f_R_101_FPN_ms_3x": sgd(116, 22, 208),
    f"{DETECTION}/o2f_Swin_T_FPN_1x": (1e-4, 1000, SWIN),
    f"{DETECTION}/o2f_Swin_T_FPN_3x": (1e-4, 1000, SWIN),
    f"{MASKS}/o2f_condinst_R_50_FPN_1x": CONDINST,
    f"{MASKS}/o2f_condinst_R_50_FPN_ms_3x": CONDINST,
    "CrowdHuman/o2f_R_50_FPN_50ep": adamw(65, 22, 106),
    "CrowdHuman/dw_R_50_FPN_50ep": adamw(62, 19, 100),
    f"{DETECTION}/dla_R_50_FPN_1x": sgd(63, 20, 100, **ATSS),
    f"{DETECTION}/dla_R_50_FPN_anchor_1x": sgd(63, 20, 100, **ATSS),
    f"{DETECTION}/dla_R_101_FPN_ms_2x": sgd(114, 20, 202, **ATSS),
    f"{DETECTION}/dla_X_101_64x4d_FPN_ms_2x": sgd(114, 20, 202, **ATSS),
    f"{DETECTION}/atss_R_50_FPN_1x": sgd(62, 19, 100, **ATSS),
}


@pytest.mark.parametrize("name", RECIPES)
def test_every_parameter(name):
    base_lr, warmup, expected = RECIPES[name]
    cfg = load(f"{name}.py")
    assert (cfg.optimizer.lr, cfg.lr_multiplier.warmup_iters) == (base_lr, warmup)
    with torch.device("meta"):
        model = instantiate(cfg.model)
    cfg.optimizer.params.model = model
    settings = {
        parameter: (group["lr"] / base_lr, group["weight_decay"])
        for group in instantiate(cfg.optimizer).param_groups
        for parameter in group["params"]
    }
    assert len(settings) == len([p for p in model.parameters() if p.requires_grad])
    found = Counter()
    for module in model.modules():
        for key, parameter in module.named_parameters(recurse=False):
            kind = "norm" if isinstance(module, NORMS) else key
            kind = "weight" if key == "box_scales" else kind
            found[(kind, *settings.get(parameter, ("constant",)))] += 1
    assert dict(found) == {key: pytest.approx(count) for key, count in expected.items()}


def test_first_stage_of_swin_is_constant():
    """33 tensors of 304,086 numbers, without drop path also while training."""
    model = instantiate(load("COCO-Detection/o2f_Swin_T_FPN_3x.py").model).train()
    swin = model.backbone.bottom_up
    constant = [p for p in model.parameters() if not p.requires_grad]
    assert (len(constant), sum(p.numel() for p in constant)) == (33, 304086)
    frozen = (swin.patch_embed, swin.layers[0])
    assert not any(m.training for part in frozen for m in part.modules())
    assert all(m.training for m in swin.layers[1].modules())


def xavier(fan_in, fan_out):
    return (2 / (fan_in + fan_out)) ** 0.5


def kaiming(fan_in):
    """Detectron2's `c2_xavier_fill`: uniform, a = 1."""
    return fan_in**-0.5


# Standard deviation of weights by the name of the layer; 0.01 is all others.
STARTS = {
    **{f"backbone.fpn_lateral{k}": xavier(c, 256) for k, c in ((3, 512), (4, 1024), (5, 2048))},
    "backbone.fpn_output": kaiming(9 * 256),
    "backbone.top_block": kaiming(9 * 256),
}
BIASES = {  # the first whose name is in the config's; 0 are all others
    "anchor": {"head.cls_logits": -4.5951, "head.objectness": -4.5951},
    "atss": {"head.cls_logits": -4.5951, "head.box_distances": 4.0},
    "dw": {"head.cls_logits": -3.8918, "head.box_distances": 4.0},
    "o2f": {"head.cls_logits": -4.5951, "semantic_head.logits": -4.5951},
    "dla": {"head.cls_logits": -4.5951, "head.box_distances": 4.0, "head.objectness": -4.5951},
}


@pytest.mark.parametrize(
    "name",
    [
        f"{DETECTION}/dw_R_50_FPN_1x",
        f"{DETECTION}/dw_refine_R_50_DCN_FPN_ms_2x",
        f"{DETECTION}/o2f_R_50_FPN_1x",
        f"{MASKS}/o2f_condinst_R_50_FPN_1x",
        f"{DETECTION}/dla_R_50_FPN_1x",
        f"{DETECTION}/dla_R_50_FPN_anchor_1x",
        f"{DETECTION}/atss_R_50_FPN_1x",
    ],
)
def test_starting_values(name):
    """Mean and spread of every layer that no checkpoint fills."""
    torch.manual_seed(0)
    model = instantiate(load(f"{name}.py").model)
    biases = next(values for part, values in BIASES.items() if part in name)
    for layer, module in model.named_modules():
        if "bottom_up" in layer or isinstance(module, FixedStatisticsBatchNorm):
            continue
        if isinstance(module, NORMS):
            assert (module.weight == 1).all() and (module.bias == 0).all()
        if not isinstance(module, nn.Conv2d):
            continue
        std = next((x for prefix, x in STARTS.items() if prefix in layer), 0.01)
        if isinstance(module, DeformConv2d):
            std = (3 * 9 * 256) ** -0.5  # uniform within 1 / sqrt(fan in)
        weight = module.weight.double()
        assert weight.std().item() == pytest.approx(std, rel=0.05), layer
        assert abs(weight.mean()) <= 5 * std / weight.numel() ** 0.5, layer
        if module.bias is not None:
            assert (module.bias - biases.get(layer, 0.0)).abs().max() < 1e-4, layer
