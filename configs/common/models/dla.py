from detectron2.config import LazyCall as L

from dual_weighting.assignment import DynamicLabelAssignment
from dual_weighting.losses import DynamicLabelAssignmentLoss
from dual_weighting.solver.lr_schedule import epochs_of_training

from .dw import model

model.head.objectness_from_both = True
model.head.prior_prob = 0.01
model.head.objectness_prior_prob = 0.01  # it learns from every point, as the classes do
model.scheme = L(DynamicLabelAssignment)(
    k=10,
    alpha_first=1.0,
    alpha_last=0.9,
    epochs=L(epochs_of_training)(
        max_iter="${train.max_iter}",
        total_batch_size="${dataloader.train.total_batch_size}",
        num_images="${train.num_images}",
    ),
    gamma=1.0,
    prior_scale=8.0,
)
model.losses = L(DynamicLabelAssignmentLoss)(
    focal_alpha=0.25, focal_gamma=2.0, box_loss_weight=2.0, metric_loss_weight=1.0
)
