"""Detectron2's checkpointer and path manager with the addresses of backbone weights."""

import pytest
import torch
from detectron2.checkpoint import DetectionCheckpointer
from detectron2.modeling.backbone import BasicStem, ResNet
from detectron2.utils.file_io import PathManager
from torch import nn
from torchvision.models import resnet18

from dual_weighting.checkpoint import Checkpointer
from dual_weighting.checkpoint.backbones import swin as swin_weights
from dual_weighting.checkpoint.backbones import torchvision as torchvision_weights
from dual_weighting.modeling import SwinTransformer
from dual_weighting.utils.errors import UserError

SWIN = {"embed_dim": 12, "depths": (2, 2), "num_heads": (1, 2), "drop_path_rate": 0.2}


def resnet():
    stages = ResNet.make_default_stages(18, norm="FrozenBN")
    return ResNet(BasicStem(3, 64, norm="FrozenBN"), stages, out_features=["res5"])


@pytest.mark.parametrize(
    ("address", "build", "module", "weights"),
    [
        ("torchvision://resnet18", resnet, torchvision_weights, lambda: resnet18().state_dict()),
        (
            "swin://swin_tiny_patch4_window7_224",
            lambda: SwinTransformer(**SWIN, out_indices=(1,)),
            swin_weights,
            lambda: {"model": SwinTransformer(**SWIN, out_indices=()).state_dict()},
        ),
    ],
    ids=["torchvision", "swin"],
)
def test_detectron2_loads_what_our_checkpointer_loads(
    address, build, module, weights, monkeypatch, tmp_path
):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    published, asked = weights(), []
    monkeypatch.setattr(
        module, "download_weights", lambda url, **kwargs: asked.append(url) or published
    )
    torch.manual_seed(0)
    models = [nn.ModuleDict({"backbone": nn.ModuleDict({"bottom_up": build()})}) for _ in range(3)]
    for model in models[1:]:
        model.load_state_dict(models[0].state_dict())
    Checkpointer(models[1]).load(address)
    DetectionCheckpointer(models[2]).load(address)
    first, ours, theirs = (model.state_dict() for model in models)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert not all(torch.equal(ours[name], first[name]) for name in ours)
    DetectionCheckpointer(models[0]).load(address)
    assert len(asked) == 3  # the last one is read from the file beside the download


def test_an_address_that_is_not_known():
    with pytest.raises(UserError, match="resnet99 is unknown"):
        PathManager.open("torchvision://resnet99", "rb")
