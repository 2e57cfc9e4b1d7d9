from detectron2.config import LazyCall as L
from detectron2.modeling.backbone import ResNet
from detectron2.utils.registry import locate

from dual_weighting.modeling import FoldedBottleneckBlock


def _stage(num_blocks, stride, in_channels, out_channels):
    return L(ResNet.make_stage)(
        block_class=FoldedBottleneckBlock,
        num_blocks=num_blocks,
        stride_per_block=[stride] + [1] * (num_blocks - 1),
        in_channels=in_channels,
        bottleneck_channels=out_channels,  # as 64 groups of 4 in res2, twice as many in the next
        out_channels=out_channels,
        num_groups=64,
        stride_in_1x1=False,
        norm=L(locate)(name="dual_weighting.modeling.FixedStatisticsBatchNorm"),
    )


# The stages of ResNeXt-101-64x4d in the place of ResNet's.
stages = [
    _stage(3, 1, 64, 256),
    _stage(4, 2, 256, 512),
    _stage(23, 2, 512, 1024),
    _stage(3, 2, 1024, 2048),
]
