"""Folding changes where a norm is computed, not what."""

import pytest
import torch
from detectron2.layers import FrozenBatchNorm2d
from detectron2.modeling.backbone.resnet import BottleneckBlock
from torch import nn

from dual_weighting.modeling import FixedStatisticsBatchNorm, FoldedBottleneckBlock
from dual_weighting.modeling.folded_norm import scale_and_shift


def test_scale_and_shift():
    """(x - 1) / sqrt(3 + 1) * 6 + 5 = 3 x + 2."""
    norm = FixedStatisticsBatchNorm(1, eps=1.0)
    for name, value in {"weight": 6, "bias": 5, "running_mean": 1, "running_var": 3}.items():
        nn.init.constant_(getattr(norm, name), value)
    assert [x.item() for x in scale_and_shift(norm)] == [3.0, 2.0]


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
