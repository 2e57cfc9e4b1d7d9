from detectron2.config import LazyCall as L
from detectron2.layers import ShapeSpec

from dual_weighting.modeling import FCOSBaseline, FCOSBaselineHead

from ..constants import imagenet_rgb256_mean, imagenet_rgb256_std
from .R_50_FPN import backbone

# Detectron2's FCOS ranks by sqrt(class score * centerness): 0.05 on the product is 0.22 here.
model = L(FCOSBaseline)(
    backbone=backbone,
    head=L(FCOSBaselineHead)(
        input_shape=[L(ShapeSpec)(channels=256)] * 5,
        num_classes="${..num_classes}",
        conv_dims=[256, 256, 256, 256],
        prior_prob=0.01,
        norm="GN",
        box_bias=1.0,
    ),
    num_classes=80,
    head_in_features=["p3", "p4", "p5", "p6", "p7"],
    test_score_thresh=0.2,
    test_topk_candidates=1000,
    test_nms_thresh=0.6,
    max_detections_per_image=100,
    pixel_mean=imagenet_rgb256_mean,
    pixel_std=imagenet_rgb256_std,
)
