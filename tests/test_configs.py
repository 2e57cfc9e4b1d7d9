"""Every config file that is shipped: it loads, survives saving, and makes what its name says."""

import numpy as np
import pytest
import torch
from all_configs import LOADED, load
from detectron2.config import LazyConfig, instantiate
from detectron2.modeling.meta_arch.fcos import FCOS
from detectron2.structures import BitMasks
from detectron2.utils.events import EventStorage
from omegaconf import OmegaConf
from tiny_detector import training_image

from dual_weighting.config.load import SECTIONS
from dual_weighting.modeling import BoxRefinement, DeformConv2d, DualWeightingDetector


@pytest.mark.parametrize("name", LOADED)
def test_survives_saving(name, tmp_path):
    """Written as YAML and read again it describes the same; nothing but the sections is in it."""
    cfg = LOADED[name]
    assert set(cfg) == set(SECTIONS)
    LazyConfig.save(cfg, str(tmp_path / "config.yaml"))
    again = LazyConfig.load(str(tmp_path / "config.yaml"))
    LazyConfig.save(again, str(tmp_path / "again.yaml"))
    assert (tmp_path / "config.yaml").read_text() == (tmp_path / "again.yaml").read_text()
    OmegaConf.to_container(again, resolve=True)


def choices(node):
    """Classes, names and switches in a part of a config: all that is not a number."""
    for key, value in node.items() if isinstance(node, dict) else enumerate(node):
        if isinstance(value, dict | list):
            yield from choices(value)
        elif isinstance(value, bool) or not isinstance(value, int | float):
            yield key, str(value)


def models_with_something_new():
    """Configs with a class or a switch that no earlier one has, the small models first."""
    seen = set()
    for name in sorted(LOADED, key=lambda name: ("R_18" not in name, "101" in name, name)):
        model = OmegaConf.to_container(LOADED[name].model, resolve=False)
        if new := set(choices(model)) - seen:
            seen |= new
            yield name


def batch(masks):
    """Two images, one of them without ground truth."""
    images = [training_image([[5, 5, 60, 70]], [0], size=(96, 96)), training_image([], [])]
    if masks:
        filled = torch.zeros(1, 96, 96, dtype=torch.bool)
        filled[:, 5:70, 5:60] = True
        images[0]["instances"].gt_masks = BitMasks(filled)
    return images


@pytest.mark.parametrize("name", models_with_something_new())
def test_one_training_step(name):
    """The loss is finite, every parameter gets a gradient and is in the optimizer."""
    cfg = load(name)
    model = instantiate(cfg.model).train()
    assert isinstance(model, FCOS | DualWeightingDetector)
    if isinstance(model, DualWeightingDetector):
        assert isinstance(model.head.box_refinement, BoxRefinement) == ("refine" in name)
    with EventStorage():
        losses = model(batch(masks="condinst" in name))
    sum(losses.values()).backward()
    assert all(torch.isfinite(loss) for loss in losses.values())
    trained = {n: p for n, p in model.named_parameters() if p.requires_grad}
    assert not [name for name, p in trained.items() if p.grad is None]
    cfg.optimizer.params.model = model
    optimizer = instantiate(cfg.optimizer)
    assert sum(len(g["params"]) for g in optimizer.param_groups) == len(trained)


BACKBONES = {  # weights, blocks of res4
    "R_50": ("torchvision://resnet50", 6),
    "R_101": ("torchvision://resnet101", 23),
    "X_101": ("torchvision://resnext101_64x4d", 23),
    "Swin_T": ("swin://swin_tiny_patch4_window7_224", 0),
}


@pytest.mark.parametrize(
    ("name", "epochs", "short_side"),
    [
        ("dw_R_50_FPN_1x", 12, (800, 800)),
        ("dw_refine_R_50_FPN_ms_2x", 24, (480, 960)),
        ("dw_refine_R_50_DCN_FPN_ms_2x", 24, (480, 960)),
        ("dw_R_101_FPN_ms_2x", 24, (480, 960)),
        ("o2f_R_50_FPN_1x", 12, (800, 800)),
        ("o2f_R_50_FPN_ms_3x", 36, (640, 800)),
        ("o2f_R_101_FPN_1x", 12, (800, 800)),
        ("o2f_R_101_FPN_ms_3x", 36, (640, 800)),
        ("o2f_Swin_T_FPN_3x", 36, (640, 800)),
        ("dla_R_101_FPN_ms_2x", 24, (480, 960)),
        ("dla_X_101_64x4d_FPN_ms_2x", 24, (480, 960)),
    ],
)
def test_published_variants(name, epochs, short_side):
    cfg = load(f"COCO-Detection/{name}.py")
    assert cfg.train.max_iter == pytest.approx(epochs * 117266 / 16, abs=1)
    weights, blocks = next(x for part, x in BACKBONES.items() if part in name)
    assert cfg.train.init_checkpoint == weights
    resize, flip = instantiate(cfg.dataloader.train.mapper.augmentations)
    image = np.zeros((600, 700, 3), dtype=np.uint8)
    sizes = [resize.get_transform(image).new_h for _ in range(100)]
    assert short_side[0] <= min(sizes) and max(sizes) <= short_side[1]
    assert max(sizes) - min(sizes) >= 0.8 * (short_side[1] - short_side[0])
    assert resize.max_size == 1333 and flip.prob == 0.5
    if blocks:
        with torch.device("meta"):
            assert len(instantiate(cfg.model.backbone.bottom_up).res4) == blocks


def test_deformable_row():
    """DCN in every 3x3 of res3 to res5 and in the last convolution of both towers."""
    with torch.device("meta"):
        model = instantiate(load("COCO-Detection/dw_refine_R_50_DCN_FPN_ms_2x.py").model)
    found = [name for name, m in model.named_modules() if isinstance(m, DeformConv2d)]
    blocks = [f"res{k}.{i}" for k, n in ((3, 4), (4, 6), (5, 3)) for i in range(n)]
    assert found == [
        *(f"backbone.bottom_up.{block}.conv2" for block in blocks),
        "head.cls_tower.3",
        "head.box_tower.3",
    ]


def test_published_recipe():
    cfg = load("COCO-Detection/dw_R_50_FPN_1x.py")
    train = cfg.dataloader.train
    assert train.total_batch_size == 16 and train.mapper.image_format == "RGB"
    assert cfg.optimizer.momentum == 0.9
    multiplier = instantiate(cfg.lr_multiplier)
    rate = {part: multiplier(part) for part in (0, 0.5, 0.7, 0.95)}
    assert rate == pytest.approx({0: 0.001, 0.5: 1, 0.7: 0.1, 0.95: 0.01})
    assert cfg.model.pixel_mean == [123.675, 116.28, 103.53]


def test_max_iter_is_said_once():
    cfg = load("Digits/dw_R_18_FPN.py")
    cfg.train.max_iter = 300
    assert cfg.lr_multiplier.max_iter == 300
