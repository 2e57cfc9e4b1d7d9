"""A detector of the real classes, small enough to run in milliseconds."""

import torch
from detectron2.layers import ShapeSpec
from detectron2.modeling.backbone import FPN, BasicStem, ResNet
from detectron2.modeling.backbone.resnet import BasicBlock
from detectron2.structures import Boxes, Instances

from dual_weighting.assignment import DualWeighting, OneToFew
from dual_weighting.losses import DualWeightingLoss, OneToFewLoss
from dual_weighting.losses.masks import MaskLoss
from dual_weighting.modeling import (
    DenseHead,
    DualWeightingDetector,
    FCOSBaseline,
    FCOSBaselineHead,
)
from dual_weighting.modeling.condinst import (
    CondInstDetector,
    CondInstHead,
    DynamicMaskHead,
    MaskBranch,
    SemanticHead,
)

CHANNELS = 32
STRIDES = (8, 16, 32)


def tiny_head(num_classes=3, **kwargs):
    shapes = [ShapeSpec(channels=CHANNELS, stride=stride) for stride in STRIDES]
    kwargs = {"conv_dims": (CHANNELS,)} | kwargs
    return DenseHead(input_shape=shapes, num_classes=num_classes, **kwargs)


def tiny_detector(
    num_classes=3, head=None, seed=0, detector=DualWeightingDetector, norm="GN", **kwargs
):
    torch.manual_seed(seed)
    stages = [
        ResNet.make_stage(
            BasicBlock, 1, in_channels=width, out_channels=out, stride_per_block=[stride], norm=norm
        )
        for width, out, stride in ((32, 32, 1), (32, 64, 2), (64, 96, 2), (96, 128, 2))
    ]
    resnet = ResNet(
        BasicStem(in_channels=3, out_channels=32, norm=norm),
        stages,
        out_features=["res3", "res4", "res5"],
    )
    settings = {"scheme": DualWeighting(), "losses": DualWeightingLoss()} | kwargs
    return detector(
        backbone=FPN(resnet, ["res3", "res4", "res5"], CHANNELS),
        head=head or tiny_head(num_classes),
        num_classes=num_classes,
        pixel_mean=[127.0] * 3,
        pixel_std=[64.0] * 3,
        **settings,
    )


def tiny_fcos(**kwargs):
    head = FCOSBaselineHead(
        input_shape=[ShapeSpec(channels=CHANNELS)] * 3, num_classes=2, conv_dims=[32], box_bias=1.5
    )
    return FCOSBaseline(
        backbone=tiny_detector().backbone,
        head=head,
        num_classes=2,
        pixel_mean=[127.0] * 3,
        pixel_std=[64.0] * 3,
        **kwargs,
    )


def tiny_condinst(head_settings=None, **kwargs):
    torch.manual_seed(0)
    mask_head = DynamicMaskHead()
    head = CondInstHead(
        mask_head=mask_head,
        input_shape=[ShapeSpec(channels=CHANNELS, stride=stride) for stride in STRIDES],
        num_classes=3,
        conv_dims=(CHANNELS,),
        **(head_settings or {}),
    )
    branch = {"in_channels": CHANNELS, "channels": 16}
    settings = {"scheme": OneToFew(), "losses": OneToFewLoss(), "test_nms_thresh": None} | kwargs
    return tiny_detector(
        detector=CondInstDetector,
        head=head,
        mask_head=mask_head,
        mask_branch=MaskBranch(num_convs=1, **branch),
        semantic_head=SemanticHead(num_classes=3, **branch),
        mask_losses=MaskLoss(),
        **settings,
    )


def training_image(boxes, classes, size=(64, 96), seed=0):
    """One entry of a batch as Detectron2's mapper makes it."""
    generator = torch.Generator().manual_seed(seed)
    instances = Instances(size)
    instances.gt_boxes = Boxes(torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4))
    instances.gt_classes = torch.tensor(classes, dtype=torch.long)
    image = 255 * torch.rand(3, *size, generator=generator)
    return {"image": image, "instances": instances, "height": size[0], "width": size[1]}
