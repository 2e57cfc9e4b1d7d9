# ImageNet statistics of torchvision's weights, in the order and range of RGB images.
imagenet_rgb256_mean = [123.675, 116.28, 103.53]
imagenet_rgb256_std = [58.395, 57.12, 57.375]

num_coco_train_images = 117266  # of train2017, with at least one box
num_digits_train_images = 1000
num_crowd_digits_train_images = 400
num_crowdhuman_train_images = 15000
