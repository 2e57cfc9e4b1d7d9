"""The learning rate over a training, as configs name it."""

from collections.abc import Sequence

from detectron2.solver import WarmupParamScheduler
from fvcore.common.param_scheduler import MultiStepParamScheduler


def warmup_multistep_lr(
    *,
    max_iter: int,
    decay_at: Sequence[float] = (2 / 3, 11 / 12),
    decay: float = 0.1,
    warmup_iters: int = 1000,
    warmup_factor: float = 0.001,
) -> WarmupParamScheduler:
    """Multiplier of the base learning rate: a linear warm-up, then steps down.

    `max_iter`: iterations of the whole training. `decay_at`: parts of it, each in (0, 1), after
    which the rate is multiplied by `decay`. `warmup_iters`: iterations during which it rises from
    `warmup_factor` times the base rate. The defaults are steps after epochs 8 and 11 of 12.

    Raises `ValueError` when the training ends before the warm-up.
    """
    if warmup_iters >= max_iter:
        raise ValueError(
            f"the warm-up of {warmup_iters} iterations does not fit into max_iter={max_iter}: "
            "lower lr_multiplier.warmup_iters or raise train.max_iter"
        )
    # In a training of a few iterations some parts are over at the same iteration, or at the last.
    milestones = sorted({round(part * max_iter) for part in decay_at} - {0, max_iter})
    steps = MultiStepParamScheduler(
        values=[decay**k for k in range(len(milestones) + 1)],
        milestones=milestones,
        num_updates=max_iter,
    )
    return WarmupParamScheduler(steps, warmup_factor, warmup_iters / max_iter)


def epochs_of_training(*, max_iter: int, total_batch_size: int, num_images: int) -> float:
    """How often a training of `max_iter` steps of `total_batch_size` images sees each image."""
    return max_iter * total_batch_size / num_images
