from detectron2.config import LazyCall as L

from dual_weighting.config.load import detectron2_config
from dual_weighting.solver import parameter_groups
from dual_weighting.solver.lr_schedule import warmup_multistep_lr

_params = L(parameter_groups)(base_lr="${..lr}", weight_decay_norm=0.0)

SGD = detectron2_config("common/optim.py").SGD
SGD.params = _params
SGD.lr = 0.01  # for 16 images a step
SGD.fused = True  # one kernel for all parameters, on a CPU too

AdamW = detectron2_config("common/optim.py").AdamW
AdamW.params = _params
AdamW.fused = True

lr_multiplier = L(warmup_multistep_lr)(
    max_iter="${train.max_iter}",
    decay_at=(2 / 3, 11 / 12),
    decay=0.1,
    warmup_iters=1000,
    warmup_factor=0.001,
)
