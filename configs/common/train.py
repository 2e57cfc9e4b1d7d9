import torch

from dual_weighting.config.load import detectron2_config

train = detectron2_config("common/train.py").train
train.device = "cuda" if torch.cuda.is_available() else "cpu"
train.seed = -1  # not negative: seeds every random number generator
train.checkpointer.max_to_keep = 3

# Set by each recipe, for what follows from it with other data or on another number of GPUs.
train.num_images = None  # that are trained on
train.reference_world_size = 8  # processes that share the images of a step

# The options below are explained in docs/training_options.md. What changes the numbers of a
# training is off: the published recipes do without.
train.amp.dtype = "bfloat16"  # used when `enabled`; float16 is for GPUs that know no bfloat16
train.compile = False  # torch.compile, for images of any size; pays off on GPUs
train.accumulate = 1  # batches a step; more only where a batch does not fit into the memory
train.clip_grad_norm = None  # these losses do not need it; 10 is a usual bound
train.ema = {"enabled": False, "decay": 0.9998}  # off: takes memory, gains in long trainings
train.early_stopping = {
    "enabled": False,  # off: the steps of the learning rate need the whole length
    "metric": "bbox/AP",
    "mode": "max",
    "patience": 5,
    "min_delta": 0.0,
}

# What only looks at a training is on where it costs little.
train.best_checkpoint = {"enabled": True, "metric": "bbox/AP", "mode": "max"}  # one more file
train.assignment_snapshots = 4  # pictures of one image's assignment, seconds in all
train.tensorboard = True  # small files, which can be opened later
train.writers = []  # lazy calls of further EventWriters of Detectron2
train.progress_bar = True  # where the output is a terminal, else plain lines
train.wandb = {
    "enabled": False,  # off: needs an account, and sends the numbers to other people's computers
    "project": "dual-weighting",
    "entity": None,
    "name": None,
    "mode": None,
}
