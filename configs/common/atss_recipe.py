def follow_atss(lr_multiplier, optimizer):
    """The warm-up and the weight decay of ATSS in MMDetection, which DLA takes over."""
    lr_multiplier.warmup_iters = 500
    optimizer.params.weight_decay_norm = None
