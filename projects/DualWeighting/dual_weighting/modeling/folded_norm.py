"""ResNet with the norms inside its convolutions."""

from collections.abc import Iterable, Mapping

import torch
import torch.nn.functional as F
from detectron2.layers import Conv2d, FrozenBatchNorm2d
from detectron2.modeling.backbone import ResNet
from detectron2.modeling.backbone.resnet import BottleneckBlock
from torch import Tensor, nn

from .backbone import FixedStatisticsBatchNorm

EPS = 1e-5  # of the norms that are folded; one with another eps stays as it is


class FoldedResNet(ResNet):
    """Detectron2's ResNet of FoldedBottleneckBlocks. The norms of a stage are folded all at once:
    they have so few numbers that only the number of operations counts."""

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        x = self.stem(x)
        outputs = {"stem": x}
        for name, stage in zip(self.stage_names, self.stages, strict=True):
            folded = fold(stage.modules())
            for block in stage:
                x = block(x, folded)
            outputs[name] = x
        return {name: outputs[name] for name in self._out_features}


class FoldedBottleneckBlock(BottleneckBlock):
    """Detectron2's bottleneck where norms of fixed statistics cost neither a pass over the features
    nor a copy of them for the backward pass.

    Such a norm is linear, so it is multiplied into the convolution before it, in every step anew:
    its scale and shift learn as before, through the few numbers of the weights. Parameters and
    their names are those of BottleneckBlock.
    """

    def forward(
        self, x: Tensor, folded: Mapping[nn.Module, tuple[Tensor, Tensor]] | None = None
    ) -> Tensor:
        """`folded`: what `fold` makes of these layers, where that is known."""
        if folded is None:
            folded = fold(self.modules())
        out = F.relu_(convolve(self.conv1, x, folded))
        out = F.relu_(convolve(self.conv2, out, folded))
        out = convolve(self.conv3, out, folded)
        out += x if self.shortcut is None else convolve(self.shortcut, x, folded)
        return F.relu_(out)


def convolve(layer: Conv2d, x: Tensor, folded: Mapping[nn.Module, tuple[Tensor, Tensor]]) -> Tensor:
    """`layer(x)`, with its norm in its weights where `folded` has them."""
    if layer not in folded:
        return layer(x)
    weight, shift = folded[layer]
    return F.conv2d(x, weight, shift, layer.stride, layer.padding, layer.dilation, layer.groups)


def fold(modules: Iterable[nn.Module]) -> dict[nn.Module, tuple[Tensor, Tensor]]:
    """Weight and bias that do what a convolution and its norm of fixed statistics do, by layer."""
    fixed = FixedStatisticsBatchNorm | FrozenBatchNorm2d
    layers = [
        x for x in modules if type(x) is Conv2d and isinstance(x.norm, fixed) and x.norm.eps == EPS
    ]
    if not layers:
        return {}
    norms = [layer.norm for layer in layers]
    gamma = torch.cat([norm.weight for norm in norms])
    beta = torch.cat([norm.bias for norm in norms])
    mean = torch.cat([norm.running_mean for norm in norms])
    var = torch.cat([norm.running_var for norm in norms])

    # (x - mean) / sqrt(var + eps) * gamma + beta = x * scale + shift
    scale = gamma * torch.rsqrt(var + EPS)
    shift = beta - mean * scale
    channels = [layer.out_channels for layer in layers]
    return {
        layer: (layer.weight * a[:, None, None, None], b)
        for layer, a, b in zip(layers, scale.split(channels), shift.split(channels), strict=True)
    }
