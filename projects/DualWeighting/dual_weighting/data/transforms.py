"""Augmentations in addition to Detectron2's."""

from collections.abc import Iterator

import cv2
import numpy as np
from detectron2.config import LazyCall
from detectron2.data import transforms as T
from detectron2.utils.registry import locate
from omegaconf import DictConfig

from dual_weighting.utils.errors import UserError


class ResizeShortestEdge(T.ResizeShortestEdge):
    """Detectron2's ResizeShortestEdge, but sides are at least one pixel."""

    def __init__(self, *args, antialias: bool = True, **kwargs):
        """
        Args:
            antialias: resize with Pillow, which averages when shrinking. If False, resize with
                OpenCV, which interpolates between four pixels, as in the releases.
            args, kwargs: as in Detectron2's ResizeShortestEdge.
        """
        super().__init__(*args, **kwargs)
        self.antialias = antialias

    def get_transform(self, image: np.ndarray) -> T.Transform:
        transform = super().get_transform(image)
        if isinstance(transform, T.ResizeTransform):
            transform.new_h, transform.new_w = max(transform.new_h, 1), max(transform.new_w, 1)
            if not self.antialias:
                transform = OpenCVResize(
                    transform.h, transform.w, transform.new_h, transform.new_w, transform.interp
                )
        return transform

    @staticmethod
    def get_output_shape(
        oldh: int, oldw: int, short_edge_length: int, max_size: int
    ) -> tuple[int, int]:
        height, width = T.ResizeShortestEdge.get_output_shape(
            oldh, oldw, short_edge_length, max_size
        )
        return max(height, 1), max(width, 1)


class OpenCVResize(T.ResizeTransform):
    """Resizes images bilinearly without antialiasing, and everything else like Detectron2."""

    def apply_image(self, img: np.ndarray, interp: int | None = None) -> np.ndarray:
        if interp is not None:  # segmentations
            return super().apply_image(img, interp)
        resized = cv2.resize(img, (self.new_w, self.new_h), interpolation=cv2.INTER_LINEAR)
        return resized.reshape(*resized.shape[:2], *img.shape[2:])


SMALLEST = 32
LONGEST = 1333 / 800  # longer side / shorter side, as in the recipes for COCO


def check_image_size(pixels: int | None) -> None:
    """Raise `UserError` if the size is too small for detection."""
    if pixels is not None and pixels < SMALLEST:
        raise UserError(f"--image-size {pixels} must be at least {SMALLEST} pixels.")


def image_size_values(cfg: DictConfig, pixels: int) -> Iterator[tuple[str, int]]:
    """The keys and values in `cfg` that resize images in training and testing.

    The shorter side gets `pixels`, or less if the longer one would exceed `LONGEST` times as many.
    If `cfg` does not resize images, resizing is added first.
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
    """Whether an augmentation in a config resizes images."""
    target = step["_target_"]
    target = locate(target) if isinstance(target, str) else target
    return isinstance(target, type) and issubclass(target, T.ResizeShortestEdge)
