# The recipe of O2F's published CrowdHuman row, 50 epochs, apart from the model.
from .constants import num_crowdhuman_train_images
from .data.crowdhuman import dataloader
from .optim import AdamW as optimizer
from .optim import lr_multiplier
from .train import train

optimizer.lr = 4e-5
optimizer.weight_decay = 1e-4
optimizer.params.weight_decay_norm = None
lr_multiplier.decay_at = (40 / 50,)
train.num_images = num_crowdhuman_train_images
train.max_iter = 50 * num_crowdhuman_train_images // 16
train.init_checkpoint = "torchvision://resnet50"
dataloader.train.mapper.augmentations[0].short_edge_length = [480, 960]
dataloader.train.mapper.augmentations[0].sample_style = "range"
