"""Parameters and operations that one can count by hand."""

import pytest
from detectron2.config import LazyCall as L
from detectron2.layers import ShapeSpec
from detectron2.modeling.backbone import Backbone
from torch import nn

from dual_weighting.cli.model_complexity import complexity
from dual_weighting.modeling import DeformConv2d


class OneLayer(Backbone):
    """A convolution of stride 8, which wants multiples of 16."""

    size_divisibility = 16

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return {"out": self.layer(x)}

    def output_shape(self):
        return {"out": ShapeSpec(channels=4, stride=8)}


class Detector(nn.Module):
    head_in_features = ("out",)

    def __init__(self, backbone):
        super().__init__()
        self.backbone = backbone
        self.head = lambda features: [features]


@pytest.mark.parametrize(
    ("layer", "parameters", "flops"),
    [
        # 3x3 from 3 to 4 channels, at 2 x 4 places of an image that is padded to 16 x 32
        (L(nn.Conv2d)(in_channels=3, out_channels=4, kernel_size=3, stride=8, padding=1),
         4 * 27 + 4, 8 * 4 * 27),
        # ... and 27 channels say where it reads
        (L(DeformConv2d)(in_channels=3, out_channels=4, kernel_size=3, stride=8, padding=1),
         4 * 27 + 4 + 27 * 27 + 27, 8 * (4 * 27 + 27 * 27)),
    ],
)  # fmt: skip
def test_one_layer(layer, parameters, flops):
    model = L(Detector)(backbone=L(OneLayer)(layer=layer))
    assert complexity(model, (10, 17)) == (parameters, flops)
