"""Boxes (x1, y1, x2, y2) in pixels, compared pair by pair."""

import torch
import torch.nn.functional as F
from torch import Tensor


def decode_distances(centers: Tensor, distances: Tensor) -> Tensor:
    """Boxes (..., Q, 4) of points (Q, 2) and distances (..., Q, 4) to left, top, right, bottom."""
    left_top, right_bottom = distances.split(2, dim=-1)
    return torch.cat((centers - left_top, centers + right_bottom), dim=-1)


def square_boxes(centers: Tensor, side: Tensor) -> Tensor:
    """Squares (Q, 4) around centers (Q, 2), with sides (Q,)."""
    half = side[:, None] / 2
    return torch.cat((centers - half, centers + half), dim=1)


def is_inside(centers: Tensor, boxes: Tensor) -> Tensor:
    """Mask (Q,) of the points (Q, 2) strictly inside their boxes (Q, 4)."""
    return ((centers > boxes[:, :2]) & (centers < boxes[:, 2:])).all(dim=1)


def paired_iou_giou(a: Tensor, b: Tensor, eps: float = 1e-6) -> tuple[Tensor, Tensor]:
    """IoU in [0, 1] and generalized IoU in (-1, 1] of a[q] with b[q], (Q,) and (Q,).

    Generalized IoU: Rezatofighi et al., CVPR 2019. `eps`, in square pixels, is the floor of the
    divisors.
    """
    # Coordinate by coordinate, (2, Q): the shapes that run fast.
    (a1, a2), (b1, b2) = (torch.stack(boxes.unbind(dim=1)).chunk(2) for boxes in (a, b))
    size_a, size_b = a2 - a1, b2 - b1
    overlap = torch.minimum(a2, b2) - torch.maximum(a1, b1)  # below 0: the gap between them
    # relu and threshold are clamp with a shorter backward pass.
    intersection = area(F.relu(overlap))
    union = area(size_a) + area(size_b) - intersection
    hull = area(size_a + size_b - overlap)
    iou = intersection / F.threshold(union, eps, eps)
    return iou, iou + union / F.threshold(hull, eps, eps) - 1


def area(size: Tensor) -> Tensor:
    """Product (Q,) of widths and heights (2, Q)."""
    width, height = size
    return width * height
