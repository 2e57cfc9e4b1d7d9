from detectron2.config import LazyCall as L
from detectron2.modeling.backbone import ResNet
from detectron2.utils.registry import locate

from dual_weighting.modeling import DeformableBottleneckBlock, FoldedBottleneckBlock

from .R_50_FPN import backbone


def _stage(block, num_blocks, stride, in_channels, out_channels):
    return L(ResNet.make_stage)(
        block_class=block,
        num_blocks=num_blocks,
        stride_per_block=[stride] + [1] * (num_blocks - 1),
        in_channels=in_channels,
        bottleneck_channels=out_channels // 4,
        out_channels=out_channels,
        stride_in_1x1=False,
        norm=L(locate)(name="dual_weighting.modeling.FixedStatisticsBatchNorm"),
    )


# Deformable convolutions in res3 to res5.
backbone.bottom_up.stages = [
    _stage(FoldedBottleneckBlock, 3, 1, 64, 256),
    _stage(DeformableBottleneckBlock, 4, 2, 256, 512),
    _stage(DeformableBottleneckBlock, 6, 2, 512, 1024),
    _stage(DeformableBottleneckBlock, 3, 2, 1024, 2048),
]
