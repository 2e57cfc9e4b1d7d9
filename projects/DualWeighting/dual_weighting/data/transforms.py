"""Augmentations that Detectron2's own do not cover."""

import numpy as np
from detectron2.data import transforms as T


class ResizeShortestEdge(T.ResizeShortestEdge):
    """Detectron2's, but no side gets shorter than one pixel, however thin the image is."""

    def get_transform(self, image: np.ndarray) -> T.Transform:
        transform = super().get_transform(image)
        if isinstance(transform, T.ResizeTransform):
            transform.new_h, transform.new_w = max(transform.new_h, 1), max(transform.new_w, 1)
        return transform

    @staticmethod
    def get_output_shape(
        oldh: int, oldw: int, short_edge_length: int, max_size: int
    ) -> tuple[int, int]:
        height, width = T.ResizeShortestEdge.get_output_shape(
            oldh, oldw, short_edge_length, max_size
        )
        return max(height, 1), max(width, 1)
