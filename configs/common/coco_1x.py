# The recipe of the published 1x rows, 12 epochs of COCO, apart from the model.
from .constants import num_coco_train_images
from .data.coco import dataloader
from .optim import SGD as optimizer
from .optim import lr_multiplier
from .train import train

train.num_images = num_coco_train_images
train.max_iter = 12 * num_coco_train_images // 16
train.init_checkpoint = "torchvision://resnet50"
