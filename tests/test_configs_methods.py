"""What the configs of single methods say: DLA, masks, crowds, and the schemes of one table."""

import pytest
import torch
import torchvision
from all_configs import load
from detectron2.config import instantiate
from omegaconf import OmegaConf

from dual_weighting.assignment.weighting_functions import TABLE_1
from dual_weighting.checkpoint.backbones.torchvision import to_detectron2_names
from dual_weighting.evaluation.crowdhuman_files import CrowdHumanEvaluator

SCHEMES = ("fcos_scheme", "atss", "dw_coupled", *TABLE_1)


def parts(name):
    return OmegaConf.to_container(load(f"Digits/{name}_R_18_FPN.py"), resolve=True)


@pytest.mark.parametrize("name", SCHEMES)
def test_same_head_data_and_schedule_as_dw(name):
    cfg, dw = parts(name), parts("dw")
    scheme = instantiate(load(f"Digits/{name}_R_18_FPN.py").model.scheme)
    assert name not in TABLE_1 or scheme.weighting == name
    for model in (cfg["model"], dw["model"]):
        model["head"].pop("prior_prob")
        assert model.pop("scheme") and model.pop("losses")
    assert cfg == dw


def test_atss_on_coco():
    cfg = load("COCO-Detection/atss_R_50_FPN_1x.py")
    scheme, losses = instantiate(cfg.model.scheme), instantiate(cfg.model.losses)
    assert (scheme.k, scheme.prior_scale, losses.box_loss_weight) == (9, 8.0, 2.0)


@pytest.mark.parametrize(
    "name, epochs",
    [("COCO-Detection/dla_R_50_FPN_1x", 12), ("COCO-Detection/dla_R_101_FPN_ms_2x", 24),
     ("Digits/dla_R_18_FPN", 12)],
)  # fmt: skip
def test_epochs_follow_the_training(name, epochs):
    cfg = load(f"{name}.py")
    assert instantiate(cfg.model.scheme).epochs == pytest.approx(epochs, rel=1e-4)
    cfg.train.max_iter //= 2
    assert instantiate(cfg.model.scheme).epochs == pytest.approx(epochs / 2, rel=1e-4)


def test_anchors_are_the_priors_of_the_scheme():
    cfg = load("COCO-Detection/dla_R_50_FPN_anchor_1x.py")
    cfg.model.scheme.prior_scale = 6.0
    head = instantiate(cfg.model.head)
    assert head.box_form.scale == 6.0
    assert (head.box_form(torch.zeros(1, 4, 1, 1), 8) == 24).all()
    assert not head.box_distances.bias.any()


@pytest.mark.parametrize(
    "config, name",
    [("dla_R_101_FPN_ms_2x", "resnet101"), ("dla_X_101_64x4d_FPN_ms_2x", "resnext101_64x4d")],
)
def test_backbone_takes_the_weights(config, name):
    """torchvision's weights of that name have the names and shapes of the whole backbone."""
    cfg = load(f"COCO-Detection/{config}.py")
    assert cfg.train.init_checkpoint == f"torchvision://{name}"
    with torch.device("meta"):
        theirs = getattr(torchvision.models, name)()
        ours = instantiate(cfg.model.backbone.bottom_up)
    renamed = to_detectron2_names(theirs.state_dict(), prefix="")
    shapes = {key: x.shape for key, x in ours.state_dict().items()}
    found = {key: x.shape for key, x in renamed.items()}
    assert found == {key: x for key, x in shapes.items() if not key.endswith("batches_tracked")}


@pytest.mark.parametrize("schedule, epochs", [("1x", 12), ("ms_3x", 36)])
def test_recipe_of_masks(schedule, epochs):
    cfg = load(f"COCO-InstanceSegmentation/o2f_condinst_R_50_FPN_{schedule}.py")
    assert cfg.train.max_iter == pytest.approx(epochs * 117266 / 16, abs=1)
    assert cfg.dataloader.train.mapper.use_instance_mask
    assert cfg.model.losses.box_loss_weight == 1 and cfg.model.test_nms_thresh is None
    with torch.device("meta"):
        assert instantiate(cfg.model.head).controller.out_channels == 169


@pytest.mark.parametrize("scheme", ["o2f", "dw"])
def test_recipe_of_crowds(scheme):
    cfg = load(f"CrowdHuman/{scheme}_R_50_FPN_50ep.py")
    assert cfg.train.max_iter == 50 * 15000 // 16
    assert cfg.optimizer._target_ is torch.optim.AdamW
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
