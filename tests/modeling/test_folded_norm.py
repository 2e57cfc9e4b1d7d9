"""Folding changes where a norm is computed, not what."""

import pytest
import torch
from detectron2.layers import Conv2d, FrozenBatchNorm2d
from detectron2.modeling.backbone import BasicStem, ResNet
from detectron2.modeling.backbone.resnet import BottleneckBlock
from torch import nn

from dual_weighting.modeling import (
    FixedStatisticsBatchNorm,
    FoldedBottleneckBlock,
    FoldedResNet,
)
from dual_weighting.modeling.folded_norm import EPS, fold


def test_weight_and_shift():
    """(2 x - 1) / sqrt(4) * 6 + 5 = 6 x + 2."""
    layer = Conv2d(1, 1, kernel_size=1, norm=FixedStatisticsBatchNorm(1)).double()
    values = {"weight": 6, "bias": 5, "running_mean": 1, "running_var": 4 - EPS}
    for name, value in values.items():
        nn.init.constant_(getattr(layer.norm, name), value)
    nn.init.constant_(layer.weight, 2)
    assert [x.item() for x in fold([layer])[layer]] == pytest.approx([6.0, 2.0])


def test_what_is_not_folded():
    """A norm of the batch's statistics, one of another eps, a convolution without a norm."""
    norms = [nn.BatchNorm2d(1), FixedStatisticsBatchNorm(1, eps=1e-3), None]
    layers = [Conv2d(1, 1, kernel_size=1, norm=norm) for norm in norms]
    assert fold(layers) == {}


def test_resnet_with_a_frozen_stage():
    """The norms of a stage are folded together, and those of others apart: nothing of res2 learns,
    and no gradient is computed there."""

    def resnet(resnet_class, block_class):
        torch.manual_seed(0)
        stages = [
            ResNet.make_stage(
                block_class,
                2,
                in_channels=width,
                bottleneck_channels=4,
                out_channels=8,
                norm=FixedStatisticsBatchNorm,
            )
            for width in (4, 8)
        ]
        stem = BasicStem(out_channels=4, norm="FrozenBN")
        names = ["stem", "res2", "res3"]
        return resnet_class(stem, stages, out_features=names, freeze_at=2).train()

    x = torch.randn(1, 3, 32, 32)
    plain = resnet(ResNet, BottleneckBlock)(x)
    outputs = resnet(FoldedResNet, FoldedBottleneckBlock)(x)
    torch.testing.assert_close(outputs, plain)
    assert [name for name, y in outputs.items() if y.requires_grad] == ["res3"]


def block(block_class, norm):
    torch.manual_seed(0)
    one = block_class(4, 8, bottleneck_channels=6, stride=2, norm=norm).double()
    for module in one.modules():
        if hasattr(module, "running_var"):
            nn.init.uniform_(module.weight, 0.5, 2)
            nn.init.normal_(module.bias)
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2)
    return one.train()


@pytest.mark.parametrize("norm", [FixedStatisticsBatchNorm, FrozenBatchNorm2d, nn.BatchNorm2d])
def test_values_and_gradients_of_the_plain_block(norm):
    """Also with a norm that cannot be folded."""
    plain, folded = block(BottleneckBlock, norm), block(FoldedBottleneckBlock, norm)
    assert plain.state_dict().keys() == folded.state_dict().keys()
    x = torch.randn(2, 4, 9, 9, dtype=torch.float64)
    inputs = [x.clone().requires_grad_() for _ in range(2)]
    outputs = [one(i) for one, i in zip((plain, folded), inputs, strict=True)]
    torch.testing.assert_close(*outputs)
    for y in outputs:
        y.square().sum().backward()
    torch.testing.assert_close(inputs[0].grad, inputs[1].grad)
    for p, q in zip(plain.parameters(), folded.parameters(), strict=True):
        torch.testing.assert_close(p.grad, q.grad)


def test_no_features_are_kept_for_the_norms():
    """Three outputs of convolutions are left, after their relu, and the shortcut's is none."""
    kept = []
    one = block(FoldedBottleneckBlock, FixedStatisticsBatchNorm)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.shape) or t, lambda t: t):
        one(torch.randn(2, 4, 8, 8, dtype=torch.float64, requires_grad=True))
    features = [shape for shape in kept if len(shape) == 4 and shape[0] == 2]
    plain_kept = []
    plain = block(BottleneckBlock, FixedStatisticsBatchNorm)
    hooks = torch.autograd.graph.saved_tensors_hooks(
        lambda t: plain_kept.append(t.shape) or t, lambda t: t
    )
    with hooks:
        plain(torch.randn(2, 4, 8, 8, dtype=torch.float64, requires_grad=True))
    plain_features = [shape for shape in plain_kept if len(shape) == 4 and shape[0] == 2]
    assert len(plain_features) - len(features) == 4  # one for each norm
