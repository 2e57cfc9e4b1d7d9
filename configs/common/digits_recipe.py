# Minutes on a CPU, apart from the model: 1,500 steps of 8 images of 160 x 160 pixels.
from .constants import num_digits_train_images
from .data.digits import dataloader
from .optim import AdamW as optimizer
from .optim import lr_multiplier
from .train import train

optimizer.lr = 0.002
optimizer.weight_decay = 0.05
lr_multiplier.warmup_iters = 100
train.num_images = num_digits_train_images
train.reference_world_size = 1
train.max_iter = 1500
train.eval_period = 500
train.checkpointer.period = 500
