"""Modulated deformable convolution (DCNv2, CVPR 2019), on CPU and GPU."""

import torch
from detectron2.layers import Conv2d, get_norm
from torch import Tensor, nn
from torchvision.ops import deform_conv2d

from .folded_norm import FoldedBottleneckBlock


class DeformConv2d(Conv2d):
    """A convolution that predicts for each of its taps where to read and how much it counts.

    One deformable group. It starts as the plain convolution with taps of weight 1/2. (Detectron2's
    needs its compiled operators and a GPU.)
    """

    def __init__(self, *args, **kwargs):
        """`args`, `kwargs`: those of Detectron2's Conv2d."""
        super().__init__(*args, **kwargs)
        self.num_taps = self.kernel_size[0] * self.kernel_size[1]
        # Per tap (dy, dx) in cells, tap after tap, then the logit of each tap's weight.
        self.offset = nn.Conv2d(
            self.in_channels,
            3 * self.num_taps,
            self.kernel_size,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
        )
        nn.init.zeros_(self.offset.weight)
        nn.init.zeros_(self.offset.bias)

    def forward(self, x: Tensor) -> Tensor:
        places, logits = self.offset(x).split((2 * self.num_taps, self.num_taps), dim=1)
        # The operator takes one type for all; places far away need float32.
        with torch.autocast(x.device.type, enabled=False):
            out = deform_conv2d(
                x.float(),
                places.float(),
                self.weight.float(),
                None if self.bias is None else self.bias.float(),
                self.stride,
                self.padding,
                self.dilation,
                logits.float().sigmoid(),
            )
        out = out.to(x.dtype)
        if self.norm is not None:
            out = self.norm(out)
        return out if self.activation is None else self.activation(out)


class DeformableBottleneckBlock(FoldedBottleneckBlock):
    """The bottleneck of ResNet whose 3x3 convolution is deformable."""

    def __init__(self, in_channels: int, out_channels: int, *, bottleneck_channels: int, **kwargs):
        """`kwargs`: those of Detectron2's BottleneckBlock."""
        super().__init__(
            in_channels, out_channels, bottleneck_channels=bottleneck_channels, **kwargs
        )
        plain = self.conv2
        self.conv2 = DeformConv2d(
            plain.in_channels,
            plain.out_channels,
            plain.kernel_size,
            stride=plain.stride,
            padding=plain.padding,
            dilation=plain.dilation,
            groups=plain.groups,
            bias=False,
            norm=get_norm(kwargs.get("norm", "BN"), bottleneck_channels),
        )
        self.conv2.weight = plain.weight  # its initialization
