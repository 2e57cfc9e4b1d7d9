# Minutes on a CPU, apart from the model: 1,000 steps of 4 images of 256 x 256 pixels.
from .constants import num_crowd_digits_train_images
from .data.crowd_digits import dataloader
from .digits_recipe import lr_multiplier, optimizer, train

train.max_iter = 1000

train.num_images = num_crowd_digits_train_images
