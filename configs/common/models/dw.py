from detectron2.config import LazyCall as L
from detectron2.layers import ShapeSpec

from dual_weighting.assignment import DualWeighting
from dual_weighting.losses import DualWeightingLoss
from dual_weighting.modeling import DenseHead, DualWeightingDetector

from ..constants import imagenet_rgb256_mean, imagenet_rgb256_std
from .R_50_FPN import backbone

model = L(DualWeightingDetector)(
    backbone=backbone,
    head=L(DenseHead)(
        input_shape=[L(ShapeSpec)(channels=256, stride=s) for s in (8, 16, 32, 64, 128)],
        num_classes="${..num_classes}",
        conv_dims=[256, 256, 256, 256],
        norm="GN",
        prior_prob=0.02,
        box_bias=4.0,
    ),
    scheme=L(DualWeighting)(
        beta="${..losses.beta}", mu=5.0, mu_norm=3.0, sigma=1.11, gamma1=2.0, min_iou=0.5
    ),
    losses=L(DualWeightingLoss)(beta=5.0, gamma2=2.0, positive_loss_weight=0.25),
    num_classes=80,
    head_in_features=["p3", "p4", "p5", "p6", "p7"],
    test_score_thresh=0.05,
    test_topk_candidates=1000,
    test_nms_thresh=0.6,
    max_detections_per_image=100,
    pixel_mean=imagenet_rgb256_mean,
    pixel_std=imagenet_rgb256_std,
    max_iter="${oc.select:train.max_iter,null}",
)
