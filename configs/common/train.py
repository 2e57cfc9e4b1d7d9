from detectron2 import model_zoo

train = model_zoo.get_config("common/train.py").train
train.device = "auto"  # the GPU where there is one
train.seed = -1  # not negative: seeds every random number generator
train.checkpointer.max_to_keep = 3
