"""Parts of backbones that differ from Detectron2's."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from detectron2.modeling.backbone import FPN, swin
from torch import Tensor, nn
from torchvision.ops import StochasticDepth


class FixedStatisticsBatchNorm(nn.BatchNorm2d):
    """Batch normalization with the statistics of the checkpoint, whose scale and shift still learn,
    as in the released models. In Detectron2's "FrozenBN" scale and shift are constants too."""

    def train(self, mode: bool = True):
        return super().train(False)


class XavierFPN(FPN):
    """Detectron2's FPN with lateral convolutions that start from Xavier's uniform distribution, as
    MMDetection's do. Detectron2's start from Kaiming's, which is smaller where channels shrink."""

    def __init__(self, *args, **kwargs):
        """`args`, `kwargs`: those of Detectron2's FPN."""
        super().__init__(*args, **kwargs)
        for conv in self.lateral_convs:
            nn.init.xavier_uniform_(conv.weight)


class WindowAttention(swin.WindowAttention):
    """Detectron2's WindowAttention through torch's fused operator, which keeps no attention maps
    where the device has a kernel for it."""

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """
        Args:
            x: (N * W, T, C), the T tokens of each of the W windows of each image.
            mask: (W, T, T), added to the attention; None for windows that are not shifted.
        """
        windows, tokens, channels = x.shape
        qkv = self.qkv(x).reshape(windows, tokens, 3, self.num_heads, -1).permute(2, 0, 3, 1, 4)
        bias = self.relative_position_bias_table[self.relative_position_index].permute(2, 0, 1)
        if mask is not None:
            bias = bias + mask.repeat(windows // len(mask), 1, 1)[:, None]
        q, k, v = qkv.unbind()
        x = F.scaled_dot_product_attention(
            q,
            k,
            v,
            attn_mask=bias.to(q.dtype),
            dropout_p=self.attn_drop.p if self.training else 0.0,
            scale=self.scale,
        )
        return self.proj_drop(self.proj(x.transpose(1, 2).reshape(windows, tokens, channels)))


class SwinTransformer(swin.SwinTransformer):
    """Detectron2's SwinTransformer with torch's fused attention, and with torchvision's drop path,
    so that timm is not needed."""

    def __init__(self, *, depths: Sequence[int], drop_path_rate: float, **kwargs):
        """
        Args:
            drop_path_rate: probability that the last block skips an image while training; it grows
                linearly from 0 in the first block.
            depths, kwargs: those of Detectron2's SwinTransformer.
        """
        with torch.device("cpu"):  # its constructor reads tensors, so it must not be on "meta"
            super().__init__(depths=depths, drop_path_rate=0.0, **kwargs)
        last = sum(depths) - 1
        blocks = (block for layer in self.layers for block in layer.blocks)
        for k, block in enumerate(blocks):
            rate = drop_path_rate * k / last
            block.attn.__class__ = WindowAttention
            block.drop_path = StochasticDepth(rate, mode="row") if rate else nn.Identity()

    def train(self, mode: bool = True) -> "SwinTransformer":
        """As in MMDetection, frozen stages stay in evaluation mode: no drop path."""
        super().train(mode)
        self._freeze_stages()
        return self
