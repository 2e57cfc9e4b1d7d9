# What changes with Swin-T in the place of ResNet, apart from the length of the training.
from .optim import AdamW as optimizer

optimizer.lr = 1e-4
optimizer.weight_decay = 0.05
# No decay of the backbone's norms and position tables; the norms of the head have it.
optimizer.params.weight_decay_norm = None
optimizer.params.rules = [
    {"names": "bottom_up.*(norm|relative_position_bias_table)", "weight_decay": 0.0}
]
init_checkpoint = "swin://swin_tiny_patch4_window7_224"
