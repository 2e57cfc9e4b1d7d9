"""The size that the images of a config are resized to."""

from collections.abc import Iterator

from detectron2.config import LazyCall
from detectron2.data import transforms as T
from detectron2.utils.registry import locate
from omegaconf import DictConfig

from dual_weighting.data.transforms import ResizeShortestEdge
from dual_weighting.errors import UserError

SMALLEST = 32
LONGEST = 1333 / 800  # of the longer side by the shorter, as in the recipes for COCO


def check_image_size(pixels: int | None) -> None:
    """Raise `UserError` for a size that is too small to detect anything, unless it is None."""
    if pixels is not None and pixels < SMALLEST:
        raise UserError(f"--image-size {pixels} must be {SMALLEST} pixels or more.")


def image_size_values(cfg: DictConfig, pixels: int) -> Iterator[tuple[str, int]]:
    """The keys of `cfg`, with their values, that resize all images of training and test.

    The shorter side gets `pixels`, or less where the longer one would pass `LONGEST` times as
    many. Where `cfg` takes images as they are, a resizing is put in first.
    """
    for split in ("train", "test"):
        mapper = cfg.dataloader[split].mapper
        if not any(resizes(step) for step in mapper.augmentations):
            mapper.augmentations = [
                LazyCall(ResizeShortestEdge)(short_edge_length=pixels, max_size=pixels),
                *mapper.augmentations,
            ]
        for k, step in enumerate(mapper.augmentations):
            if resizes(step):
                key = f"dataloader.{split}.mapper.augmentations.{k}"
                yield f"{key}.short_edge_length", pixels
                yield f"{key}.max_size", round(LONGEST * pixels)


def resizes(step: DictConfig) -> bool:
    """Whether an augmentation of a config is the one that resizes."""
    target = step["_target_"]
    target = locate(target) if isinstance(target, str) else target
    return isinstance(target, type) and issubclass(target, T.ResizeShortestEdge)
