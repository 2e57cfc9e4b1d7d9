"""The detector: Detectron2's dense detector with heads and assignment schemes to choose from.

Importing it registers the meta-architectures, heads and path handlers with Detectron2.
"""

from .. import checkpoint  # noqa: F401  its path handlers
from .backbone import FixedStatisticsBatchNorm, SwinTransformer, XavierFPN
from .box_forms import AnchorDeltas
from .box_refinement import BoxRefinement
from .deform_conv import DeformableBottleneckBlock, DeformConv2d
from .detector import DualWeightingDetector
from .fcos import FCOSBaseline, FCOSBaselineHead
from .folded_norm import FoldedBottleneckBlock, FoldedResNet
from .head import DENSE_HEAD_REGISTRY, DenseHead

__all__ = [
    "DENSE_HEAD_REGISTRY",
    "AnchorDeltas",
    "BoxRefinement",
    "DeformConv2d",
    "DeformableBottleneckBlock",
    "DenseHead",
    "DualWeightingDetector",
    "FCOSBaseline",
    "FCOSBaselineHead",
    "FixedStatisticsBatchNorm",
    "FoldedBottleneckBlock",
    "FoldedResNet",
    "SwinTransformer",
    "XavierFPN",
]
