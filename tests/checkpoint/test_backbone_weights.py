"""Weights to start from, put into backbones that have more than the network for ImageNet."""

import pytest
import torch
from detectron2.modeling.backbone import BasicStem, ResNet
from detectron2.modeling.backbone.resnet import BottleneckBlock
from torch import nn
from torchvision.models import resnet50

from dual_weighting.checkpoint import Checkpointer
from dual_weighting.checkpoint.backbones import download
from dual_weighting.checkpoint.backbones import swin as swin_weights
from dual_weighting.checkpoint.backbones import torchvision as torchvision_weights
from dual_weighting.checkpoint.backbones.weights import backbone_state, is_backbone_address
from dual_weighting.modeling import DeformableBottleneckBlock, SwinTransformer
from dual_weighting.utils.errors import UserError

SWIN = "swin://swin_tiny_patch4_window7_224"
SIZES = {"embed_dim": 12, "depths": (2, 2), "num_heads": (1, 2), "drop_path_rate": 0.2}


class Detector(nn.Module):
    def __init__(self, bottom_up):
        super().__init__()
        self.backbone = nn.ModuleDict({"bottom_up": bottom_up})
        self.head = nn.Linear(2, 2)


def swin_file():
    """As the authors publish it: with a classifier, a norm before it, and masks."""
    weights = SwinTransformer(**SIZES, out_indices=()).state_dict()
    extra = {"head.weight": torch.zeros(5, 24), "norm.bias": torch.zeros(24)}
    return {"model": weights | extra | {"layers.0.blocks.1.attn_mask": torch.zeros(4, 49, 49)}}


def test_addresses():
    assert is_backbone_address(SWIN) and is_backbone_address("torchvision://resnet50")
    assert not any(is_backbone_address(x) for x in ("output/model_final.pth", "", None))


def test_swin(monkeypatch):
    """All but the norms of the levels, which are the detector's own."""
    torch.manual_seed(1)
    file = swin_file()
    asked = []
    monkeypatch.setattr(swin_weights, "download_weights", lambda url: asked.append(url) or file)
    model = Detector(SwinTransformer(**SIZES, out_indices=(0, 1)))
    nn.init.constant_(model.backbone.bottom_up.norm1.weight, 3)
    Checkpointer(model).load(SWIN)
    own = model.backbone.bottom_up.state_dict()
    assert torch.equal(own["layers.1.blocks.0.mlp.fc1.weight"],
                       file["model"]["layers.1.blocks.0.mlp.fc1.weight"])  # fmt: skip
    assert (own["norm1.weight"] == 3).all()
    assert asked[0].endswith("/swin_tiny_patch4_window7_224.pth")


def test_swin_of_another_size(monkeypatch):
    monkeypatch.setattr(swin_weights, "download_weights", lambda url: swin_file())
    larger = Detector(SwinTransformer(**SIZES | {"depths": (2, 4)}, out_indices=(0, 1)))
    with pytest.raises(UserError, match=r"do not match .* backbone.bottom_up.layers.1.blocks.2"):
        Checkpointer(larger).load(SWIN)
    with pytest.raises(UserError, match="swin://swin_huge is unknown"):
        Checkpointer(larger).load("swin://swin_huge")


def test_deformable_resnet_starts_with_its_offsets(monkeypatch):
    theirs = resnet50().state_dict()
    monkeypatch.setattr(torchvision_weights, "download_weights", lambda url, **kwargs: theirs)
    blocks = (BottleneckBlock, DeformableBottleneckBlock)
    stages = ResNet.make_default_stages(50, stride_in_1x1=False, norm="FrozenBN")
    deformable = ResNet.make_default_stages(
        50, block_class=blocks[1], stride_in_1x1=False, norm="FrozenBN"
    )
    resnet = ResNet(BasicStem(3, 64, norm="FrozenBN"), [*stages[:3], deformable[3]])
    Checkpointer(Detector(resnet)).load("torchvision://resnet50")
    assert torch.equal(resnet.res5[0].conv2.weight, theirs["layer4.0.conv2.weight"])
    assert not resnet.res5[0].conv2.offset.weight.any()


def test_a_model_without_a_backbone():
    assert backbone_state(nn.Linear(2, 2)) == ("", {})


def test_download_that_fails(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(UserError, match=r"cannot be downloaded .*copy this file to .*/gone.pth"):
        download.download_weights(f"file://{tmp_path}/gone.pth")
