"""Boxes (x1, y1, x2, y2) in pixels, compared pair by pair."""

import torch
from torch import Tensor


def decode_distances(centers: Tensor, distances: Tensor) -> Tensor:
    """Boxes (Q, 4) of points (Q, 2) and distances (Q, 4) to left, top, right and bottom side."""
    return torch.cat((centers - distances[:, :2], centers + distances[:, 2:]), dim=1)


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
    # Side by side rather than corner by corner: these are the shapes that run fast.
    ax1, ay1, ax2, ay2 = a.unbind(dim=1)
    bx1, by1, bx2, by2 = b.unbind(dim=1)
    # clamp is minimum or maximum with a shorter backward pass.
    width = (ax2.clamp(max=bx2) - ax1.clamp(min=bx1)).clamp(min=0)
    height = (ay2.clamp(max=by2) - ay1.clamp(min=by1)).clamp(min=0)
    intersection = width * height
    union = (ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - intersection
    iou = intersection / union.clamp(min=eps)

    hull_width = ax2.clamp(min=bx2) - ax1.clamp(max=bx1)
    hull_height = ay2.clamp(min=by2) - ay1.clamp(max=by1)
    hull = (hull_width * hull_height).clamp(min=eps)
    return iou, iou - (hull - union) / hull
