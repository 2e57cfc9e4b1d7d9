"""The points of each level that are nearest to a place in the image."""

import torch
from torch import Tensor

from .points import PointGrid
from .segments import take_rows


def nearest_points(
    centers: Tensor, image: Tensor, grid: PointGrid, k: int
) -> tuple[Tensor, Tensor]:
    """Pairs of each ground truth with the k points of each level that are nearest to its center.

    By Euclidean distance; of equally near points the first in row-major order is taken. A level of
    fewer than k points gives all of them. On a grid, only k consecutive columns and k consecutive
    rows can hold these points, so k * k cells a level are compared and never all R points.

    Args:
        centers: (M, 2), x and y in pixels. They need not be inside the image.
        image: (M,), the image of each ground truth.

    Returns:
        point and ground truth of each pair, (Q,) and (Q,), ordered by ground truth, then level,
        then distance.
    """
    stride = grid.level_strides[:, None]
    # Column (row) i has its points at (i + 0.5) * stride; the nearest k are centered at `position`.
    position = centers[:, None] / stride - 0.5  # (M, L, 2)
    first = torch.minimum(torch.ceil(position - k / 2), grid.level_sizes - k).clamp(min=0).long()
    cell = first[..., None] + torch.arange(k, device=first.device)  # (M, L, 2, k) columns, rows
    offset = (cell + 0.5) * stride[:, None] - centers[:, None, :, None]
    exists = cell < grid.level_sizes[:, :, None]
    square = offset.square().where(exists, torch.inf)

    distance = (square[:, :, 1, :, None] + square[:, :, 0, None, :]).flatten(2)  # (M, L, k * k)
    start, width = grid.level_starts[:, None], grid.level_sizes[:, :1]
    row_start = start + cell[:, :, 1] * width
    point = (row_start[..., None] + cell[:, :, 0, None, :]).flatten(2)

    distance, order = distance.sort(dim=2, stable=True)
    point = point.gather(2, order[..., :k])
    pair = distance[..., :k].isfinite().flatten().nonzero()[:, 0]
    gt = pair // (k * len(stride))
    return take_rows(image, gt) * len(grid) + take_rows(point.flatten(), pair), gt
