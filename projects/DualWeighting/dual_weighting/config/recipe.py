"""The training that a config was written for."""

from dataclasses import dataclass

from omegaconf import DictConfig

from dual_weighting.solver.lr_schedule import epochs_of_training
from dual_weighting.utils.errors import UserError


@dataclass(frozen=True)
class Recipe:
    """The training that a config was written for.

    Attributes:
        batch: images per batch.
        step: images per optimizer step.
        num_images: size of the training set, or None if unknown.
        num_processes: processes that share a step.
    """

    max_iter: int
    batch: int
    step: int
    lr: float
    warmup: int
    num_images: int | None
    num_processes: int

    @classmethod
    def of(cls, cfg: DictConfig) -> "Recipe":
        return cls(
            max_iter=cfg.train.max_iter,
            batch=cfg.dataloader.train.total_batch_size,
            step=images_a_step(cfg),
            lr=cfg.optimizer.lr,
            warmup=cfg.lr_multiplier.get("warmup_iters", 0),
            num_images=cfg.train.num_images,
            num_processes=cfg.train.reference_world_size,
        )

    def epochs(self) -> float:
        if self.num_images is None:
            raise UserError(
                "The config does not set train.num_images, the number of its training images: "
                "set the length of training with --epochs."
            )
        return epochs_of_training(
            max_iter=self.max_iter, total_batch_size=self.step, num_images=self.num_images
        )


def images_a_step(cfg: DictConfig) -> int:
    """Images per optimizer step."""
    return cfg.dataloader.train.total_batch_size * cfg.train.accumulate
