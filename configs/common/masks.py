def add_masks(dataloader, lr_multiplier, optimizer):
    """What changes in O2F's recipe with masks, apart from the model."""
    dataloader.train.mapper.use_instance_mask = True
    lr_multiplier.warmup_iters = 500
    optimizer.params.bias_lr_factor = 2.0
    optimizer.params.weight_decay_bias = 0.0
    optimizer.params.weight_decay_norm = None
