"""The auxiliary task of a training with masks."""

from detectron2.layers import Conv2d
from torch import Tensor, nn

from ..head import prior_bias
from .mask_branch import conv_norm_relu, small_weights


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
