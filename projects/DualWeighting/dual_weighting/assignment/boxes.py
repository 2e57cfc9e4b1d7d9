"""Boxes (x1, y1, x2, y2) in pixels, compared pair by pair."""

import torch
from torch import Tensor


def decode_distances(centers: Tensor, distances: Tensor) -> Tensor:
    """Boxes (Q, 4) of points (Q, 2) and distances (Q, 4) to left, top, right and bottom side."""
    return torch.cat((centers - distances[:, :2], centers + distances[:, 2:]), dim=1)


def box_area(boxes: Tensor) -> Tensor:
    """(Q,), square pixels."""
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def _intersection_and_union(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    overlap = torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])
    intersection = overlap.clamp(min=0).prod(dim=1)
    return intersection, box_area(a) + box_area(b) - intersection


def paired_iou(a: Tensor, b: Tensor, eps: float = 1e-6) -> Tensor:
    """IoU of a[q] with b[q], (Q,)."""
    intersection, union = _intersection_and_union(a, b)
    return intersection / union.clamp(min=eps)


def paired_giou(a: Tensor, b: Tensor, eps: float = 1e-6) -> Tensor:
    """Generalized IoU of a[q] with b[q], (Q,), in (-1, 1] (Rezatofighi et al., CVPR 2019)."""
    intersection, union = _intersection_and_union(a, b)
    hull = (torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])).prod(dim=1)
    hull = hull.clamp(min=eps)
    return intersection / union.clamp(min=eps) - (hull - union) / hull
