from .crowdhuman import dataloader

dataloader.train.dataset.names = "crowd_digits_train"
dataloader.train.dataset.empty_boxes = "error"
dataloader.train.mapper.ignore_regions = True
dataloader.train.mapper.augmentations = []  # a flipped 2 is no 2
dataloader.train.total_batch_size = 4
dataloader.train.num_workers = 0  # on a CPU, a loader beside the training only takes its cores
dataloader.test.dataset.names = "crowd_digits_val"
dataloader.test.mapper.augmentations = []
dataloader.test.batch_size = 4
dataloader.test.num_workers = 0
