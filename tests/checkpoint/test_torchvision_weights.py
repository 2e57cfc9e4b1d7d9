import pytest
import torch
import torchvision
from detectron2.modeling.backbone import BasicStem, ResNet
from torch import nn

from dual_weighting.checkpoint import Checkpointer
from dual_weighting.checkpoint.backbones import torchvision as torchvision_weights
from dual_weighting.checkpoint.backbones.torchvision import (
    load_torchvision_weights,
    to_detectron2_names,
)
from dual_weighting.utils.errors import UserError


def torchvision_resnet(depth: int) -> nn.Module:
    """Random weights, and batch norms that do something."""
    torch.manual_seed(0)
    model = getattr(torchvision.models, f"resnet{depth}")().eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 2.0)
            nn.init.uniform_(module.weight, 0.5, 1.0)
            nn.init.normal_(module.bias, std=0.1)
    return model


def detectron2_resnet(depth: int, norm: str = "FrozenBN") -> ResNet:
    options = {"stride_in_1x1": False} if depth >= 50 else {}
    stages = ResNet.make_default_stages(depth, norm=norm, **options)
    return ResNet(BasicStem(3, 64, norm=norm), stages, out_features=["res2", "res5"]).eval()


class Detector(nn.Module):
    """A model with a ResNet somewhere inside and weights of its own."""

    def __init__(self, depth: int, norm: str = "FrozenBN") -> None:
        super().__init__()
        self.backbone = nn.ModuleDict({"bottom_up": detectron2_resnet(depth, norm)})
        self.head = nn.Linear(2, 2)


@pytest.mark.parametrize("depth", [18, 50])
@pytest.mark.parametrize("norm", ["FrozenBN", "BN"])
def test_same_features(depth, norm):
    theirs, ours = torchvision_resnet(depth), detectron2_resnet(depth, norm)
    renamed = to_detectron2_names(theirs.state_dict(), prefix="")
    missing, unexpected = ours.load_state_dict(renamed, strict=False)
    assert not unexpected and all(name.endswith("num_batches_tracked") for name in missing)
    image = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        features = ours(image)
        x = theirs.maxpool(theirs.relu(theirs.bn1(theirs.conv1(image))))
        res2 = theirs.layer1(x)
        res5 = theirs.layer4(theirs.layer3(theirs.layer2(res2)))
    torch.testing.assert_close(features["res2"], res2, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(features["res5"], res5, rtol=1e-5, atol=1e-5)


def test_names():
    names = ("conv1.weight", "bn1.bias", "layer1.0.bn2.weight", "layer4.2.conv3.weight")
    names += ("layer2.0.downsample.0.weight", "layer2.0.downsample.1.running_var", "fc.weight")
    zero = torch.zeros(1)
    assert list(to_detectron2_names(dict.fromkeys(names, zero), prefix="a.")) == [
        "a.stem.conv1.weight",
        "a.stem.conv1.norm.bias",
        "a.res2.0.conv2.norm.weight",
        "a.res5.2.conv3.weight",
        "a.res3.0.shortcut.weight",
        "a.res3.0.shortcut.norm.running_var",
    ]


@pytest.fixture
def downloads(monkeypatch):
    """torchvision's weights, without a network."""

    def load(name):
        return torchvision_resnet(int(name.removeprefix("resnet"))).state_dict()

    monkeypatch.setattr(torchvision_weights, "load_torchvision_weights", load)


def test_checkpointer_fills_the_backbone(downloads):
    model = Detector(50, norm="BN")
    head = model.head.weight.clone()
    assert Checkpointer(model).load("torchvision://resnet50", checkpointables=[]) == {}
    expected = torchvision_resnet(50).layer3[1].bn2.running_var
    assert torch.equal(model.backbone.bottom_up.res4[1].conv2.norm.running_var, expected)
    assert torch.equal(model.head.weight, head)


@pytest.mark.parametrize("model", [Detector(18), nn.Linear(2, 2)])
def test_weights_that_do_not_fit(downloads, model):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(UserError, match="torchvision://resnet50 do not match"):
        Checkpointer(model).load("torchvision://resnet50")
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_unknown_name():
    with pytest.raises(UserError, match="resnet99 is unknown: use torchvision:// with one of"):
        load_torchvision_weights("resnet99")


def test_damaged_file(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    file = tmp_path / "hub" / "checkpoints" / "resnet50-0676ba61.pth"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"half a file")
    with pytest.raises(UserError, match=f"{file} are damaged .*: delete the file"):
        load_torchvision_weights("resnet50")
