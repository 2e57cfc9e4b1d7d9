"""Learning rate schedules for configs."""

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
    """Multiplier of the base learning rate: linear warm-up, then step decay.

    Args:
        max_iter: length of training in iterations.
        decay_at: shares of training, each in (0, 1), after which the rate is multiplied by `decay`.
            The default is after epochs 8 and 11 of 12.
        warmup_iters: iterations in which the rate rises from `warmup_factor` times the base rate.

    Raises:
        ValueError: training ends before the warm-up.
    """
    if warmup_iters >= max_iter:
        raise ValueError(
            f"the warm-up of {warmup_iters} iterations does not fit into max_iter={max_iter}: "
            "lower lr_multiplier.warmup_iters or raise train.max_iter"
        )
    # In very short trainings, several milestones may fall on the same or the last iteration.
    milestones = sorted({round(part * max_iter) for part in decay_at} - {0, max_iter})
    steps = MultiStepParamScheduler(
        values=[decay**k for k in range(len(milestones) + 1)],
        milestones=milestones,
        num_updates=max_iter,
    )
    return WarmupParamScheduler(steps, warmup_factor, warmup_iters / max_iter)


def epochs_of_training(*, max_iter: int, total_batch_size: int, num_images: int) -> float:
    """Number of epochs in `max_iter` steps of `total_batch_size` images."""
    return max_iter * total_batch_size / num_images
