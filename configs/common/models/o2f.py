from detectron2.config import LazyCall as L

from dual_weighting.assignment import OneToFew
from dual_weighting.losses import OneToFewLoss

from .dw import model

model.head.objectness_dims = [64, 64, 64]
model.head.prior_prob = 0.01
model.head.box_bias = 0.0
model.scheme = L(OneToFew)(
    radius=1.5,
    num_soft=7,
    alpha=0.8,
    soft_degree_first=0.6,
    soft_degree_last=0.2,
    soft_weight=0.4,
)
model.losses = L(OneToFewLoss)(focal_alpha=0.75, focal_gamma=2.0, box_loss_weight=2.0)
model.test_nms_thresh = None
