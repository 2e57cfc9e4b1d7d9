"""The feature pyramid of the releases."""

from detectron2.modeling.backbone import FPN
from torch import nn


class XavierFPN(FPN):
    """Detectron2's FPN with lateral convolutions that start from Xavier's uniform distribution, as
    MMDetection's do. Detectron2's start from Kaiming's, which is smaller where channels shrink."""

    def __init__(self, *args, **kwargs):
        """`args`, `kwargs`: those of Detectron2's FPN."""
        super().__init__(*args, **kwargs)
        for conv in self.lateral_convs:
            nn.init.xavier_uniform_(conv.weight)
