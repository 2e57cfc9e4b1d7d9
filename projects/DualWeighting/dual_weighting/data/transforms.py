"""Augmentations that Detectron2's own do not cover."""

import cv2
import numpy as np
from detectron2.data import transforms as T


class ResizeShortestEdge(T.ResizeShortestEdge):
    """Detectron2's, but no side gets shorter than one pixel, however thin the image is."""

    def __init__(self, *args, antialias: bool = True, **kwargs):
        """
        Args:
            antialias: resize by Pillow, which averages where it shrinks. If not, by OpenCV, which
                interpolates between four pixels, as the releases did.
            args, kwargs: those of Detectron2's ResizeShortestEdge.
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
    """Resizes images by bilinear interpolation without antialiasing, all else as Detectron2."""

    def apply_image(self, img: np.ndarray, interp: int | None = None) -> np.ndarray:
        if interp is not None:  # segmentations
            return super().apply_image(img, interp)
        resized = cv2.resize(img, (self.new_w, self.new_h), interpolation=cv2.INTER_LINEAR)
        return resized.reshape(*resized.shape[:2], *img.shape[2:])
