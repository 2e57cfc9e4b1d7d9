"""What the masks of an image share, and the auxiliary task of a training with masks."""

from collections.abc import Sequence

import torch.nn.functional as F
from detectron2.layers import Conv2d, get_norm
from torch import Tensor, nn

from ..head import prior_bias
from .aligned_bilinear import aligned_bilinear


def conv_norm_relu(in_channels: int, out_channels: int, norm: str) -> Conv2d:
    """A 3x3 convolution without bias, with its normalization and ReLU."""
    conv = Conv2d(
        in_channels,
        out_channels,
        kernel_size=3,
        padding=1,
        bias=not norm,
        norm=get_norm(norm, out_channels),
        activation=F.relu,
    )
    return small_weights(conv)


def small_weights(conv: Conv2d, std: float = 0.01) -> Conv2d:
    """`conv` with normal weights and no bias at the start, as in the release."""
    nn.init.normal_(conv.weight, std=std)
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)
    return conv


class MaskBranch(nn.Module):
    """The first levels of the pyramid summed at the size of the finest, and convolutions behind
    them: base channels from which every mask of the image is made."""

    def __init__(
        self,
        *,
        in_channels: int,
        num_levels: int = 3,
        channels: int = 128,
        num_convs: int = 4,
        out_channels: int = 8,
        norm: str = "BN",
    ):
        """
        Args:
            in_channels: channels of each level.
            num_levels: how many levels are read, each with half the size of the one before.
            channels: of the convolutions.
            num_convs: number of convolutions behind the sum.
            out_channels: B.
            norm: normalization of the convolutions, a name of Detectron2's `get_norm`.
        """
        super().__init__()
        self.refine = nn.ModuleList(
            conv_norm_relu(in_channels, channels, norm) for _ in range(num_levels)
        )
        self.tower = nn.Sequential(
            *(conv_norm_relu(channels, channels, norm) for _ in range(num_convs))
        )
        self.bases = small_weights(Conv2d(channels, out_channels, kernel_size=1))

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """
        Args:
            features: (N, C, H, W) of the finest level, then the coarser ones.

        Returns:
            (N, B, H, W).
        """
        height, width = features[0].shape[-2:]
        x = 0
        for level, refine in enumerate(self.refine):
            x = x + aligned_bilinear(refine(features[level]), 2**level)[..., :height, :width]
        return self.bases(self.tower(x))


class SemanticHead(nn.Module):
    """Class logits of every cell of the finest level. Used in training only."""

    def __init__(
        self,
        *,
        in_channels: int,
        num_classes: int,
        channels: int = 128,
        num_convs: int = 2,
        norm: str = "BN",
        prior_prob: float = 0.01,
    ):
        """
        Args:
            in_channels: channels of the finest level.
            channels: of the convolutions.
            norm: normalization of the convolutions, a name of Detectron2's `get_norm`.
            prior_prob: score of every class at the start.
        """
        super().__init__()
        dims = [in_channels, *[channels] * num_convs]
        self.tower = nn.Sequential(
            *(conv_norm_relu(dims[k], dims[k + 1], norm) for k in range(num_convs))
        )
        self.logits = small_weights(Conv2d(dims[-1], num_classes, kernel_size=1))
        nn.init.constant_(self.logits.bias, prior_bias(prior_prob))

    def forward(self, features: Tensor) -> Tensor:
        """(N, K, H, W) from the finest level (N, C, H, W)."""
        return self.logits(self.tower(features))
