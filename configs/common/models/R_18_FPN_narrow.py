from detectron2.config import LazyCall as L
from detectron2.modeling.backbone import FPN, BasicStem, ResNet
from detectron2.modeling.backbone.resnet import BasicBlock


def _stage(in_channels, out_channels, stride):
    return L(ResNet.make_stage)(
        block_class=BasicBlock,
        num_blocks=2,
        stride_per_block=[stride, 1],
        in_channels=in_channels,
        out_channels=out_channels,
        norm="BN",
    )


# The shape of ResNet-18 with narrow stages: for small images, trained from scratch, on a CPU too.
backbone = L(FPN)(
    bottom_up=L(ResNet)(
        stem=L(BasicStem)(in_channels=3, out_channels=32, norm="BN"),
        stages=[_stage(32, 32, 1), _stage(32, 64, 2), _stage(64, 128, 2), _stage(128, 256, 2)],
        out_features=["res3", "res4", "res5"],
    ),
    in_features="${.bottom_up.out_features}",
    out_channels=64,
)
