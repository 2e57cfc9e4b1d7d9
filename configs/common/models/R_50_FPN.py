from detectron2.config import LazyCall as L
from detectron2.modeling.backbone import BasicStem, ResNet
from detectron2.modeling.backbone.fpn import LastLevelP6P7
from detectron2.utils.registry import locate

from dual_weighting.modeling import FoldedBottleneckBlock, FoldedResNet, XavierFPN

# As torchvision has it: stride in the 3x3 convolution. The statistics of the batch norms are fixed,
# their scales learn, except in the stem and res2, which are constant.
backbone = L(XavierFPN)(
    bottom_up=L(FoldedResNet)(
        stem=L(BasicStem)(in_channels=3, out_channels=64, norm="FrozenBN"),
        stages=L(ResNet.make_default_stages)(
            depth=50,
            block_class=FoldedBottleneckBlock,
            stride_in_1x1=False,
            norm=L(locate)(name="dual_weighting.modeling.FixedStatisticsBatchNorm"),
        ),
        out_features=["res3", "res4", "res5"],
        freeze_at=2,
    ),
    in_features="${.bottom_up.out_features}",
    out_channels=256,
    top_block=L(LastLevelP6P7)(
        in_channels="${..out_channels}", out_channels="${..out_channels}", in_feature="p5"
    ),
)
