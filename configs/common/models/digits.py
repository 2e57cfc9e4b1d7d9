from detectron2.config import LazyCall as L
from detectron2.layers import ShapeSpec

from .R_18_FPN_narrow import backbone


def shrink(model):
    """A COCO model cut to the size of Digits: narrow ResNet-18, P3 to P5, two-conv towers."""
    model.backbone = backbone
    model.head_in_features = ["p3", "p4", "p5"]
    model.head.input_shape = [L(ShapeSpec)(channels=64, stride=s) for s in (8, 16, 32)]
    model.head.conv_dims = [64, 64]
    model.num_classes = 10
    return model
