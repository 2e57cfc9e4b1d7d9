"""ResNet's bottleneck with the norms inside its convolutions."""

import torch
import torch.nn.functional as F
from detectron2.layers import Conv2d, FrozenBatchNorm2d
from detectron2.modeling.backbone.resnet import BottleneckBlock
from torch import Tensor

from .backbone import FixedStatisticsBatchNorm


class FoldedBottleneckBlock(BottleneckBlock):
    """Detectron2's bottleneck where norms of fixed statistics cost neither a pass over the features
    nor a copy of them for the backward pass.

    Such a norm is linear, so it is multiplied into the convolution before it, in every step anew:
    its scale and shift learn as before, through the few numbers of the weights. Parameters and
    their names are those of BottleneckBlock.
    """

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu_(convolve(self.conv1, x))
        out = F.relu_(convolve(self.conv2, out))
        out = convolve(self.conv3, out)
        out += x if self.shortcut is None else convolve(self.shortcut, x)
        return F.relu_(out)


def convolve(layer: Conv2d, x: Tensor) -> Tensor:
    """`layer(x)`, with its norm folded into its weights where that is possible."""
    fixed = isinstance(layer.norm, FixedStatisticsBatchNorm | FrozenBatchNorm2d)
    if type(layer) is not Conv2d or not fixed:
        return layer(x)
    scale, shift = scale_and_shift(layer.norm)
    weight = layer.weight * scale[:, None, None, None]
    return F.conv2d(x, weight, shift, layer.stride, layer.padding, layer.dilation, layer.groups)


def scale_and_shift(norm: FixedStatisticsBatchNorm | FrozenBatchNorm2d) -> tuple[Tensor, Tensor]:
    """What the norm of fixed statistics does to each channel, x * scale + shift, (C,) and (C,)."""
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    return scale, norm.bias - norm.running_mean * scale
