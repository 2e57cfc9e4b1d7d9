"""Parts of backbones that differ from Detectron2's."""

from collections.abc import Sequence

import torch
from detectron2.modeling.backbone import FPN, swin
from torch import nn
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


class SwinTransformer(swin.SwinTransformer):
    """Detectron2's SwinTransformer with torchvision's drop path, so timm is not needed."""

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
            block.drop_path = StochasticDepth(rate, mode="row") if rate else nn.Identity()

    def train(self, mode: bool = True) -> "SwinTransformer":
        """As in MMDetection, frozen stages stay in evaluation mode: no drop path."""
        super().train(mode)
        self._freeze_stages()
        return self
