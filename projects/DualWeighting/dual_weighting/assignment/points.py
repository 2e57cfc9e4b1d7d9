"""The points of a feature pyramid, and the pairs of a point and a ground truth it may learn."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .segments import take_rows


@dataclass(frozen=True)
class PointGrid:
    """Where the R points of an image are. Cell (j, i) of a level has the point
    ((i + 0.5) * stride, (j + 0.5) * stride).

    Attributes:
        level_sizes: (L, 2), columns and rows of each level, in cells.
        level_strides: (L,), pixels.
        level_starts: (L,), position of each level's first point among the R points.
        centers: (R, 2), x and y of each point, pixels.
        strides: (R,), stride of each point's level, pixels.
    """

    level_sizes: Tensor
    level_strides: Tensor
    level_starts: Tensor
    centers: Tensor
    strides: Tensor

    @classmethod
    def from_sizes(
        cls,
        sizes: Sequence[tuple[int, int]],
        strides: Sequence[int],
        device: torch.device | str | None = None,
    ) -> "PointGrid":
        """
        Args:
            sizes: height and width of each level, in cells.
            strides: stride of each level, in pixels.
        """
        if len(sizes) != len(strides):
            raise ValueError(f"{len(sizes)} level sizes but {len(strides)} strides")
        num_points = sum(height * width for height, width in sizes)
        levels = [(w, h, stride) for (h, w), stride in zip(sizes, strides, strict=True)]
        levels = to_device(levels, torch.long, device)
        level_sizes, level_strides = levels[:, :2], levels[:, 2].float()
        cells = level_sizes.prod(dim=1)
        level_starts = cells.cumsum(0) - cells

        level = torch.repeat_interleave(cells, output_size=num_points)
        cell = torch.arange(num_points, device=device) - take_rows(level_starts, level)
        width, strides = take_rows(level_sizes[:, 0], level), take_rows(level_strides, level)
        centers = (torch.stack((cell % width, cell // width), dim=1) + 0.5) * strides[:, None]
        return cls(level_sizes, level_strides, level_starts, centers, strides)

    @classmethod
    def from_image(
        cls,
        image_size: tuple[int, int],
        strides: Sequence[int],
        device: torch.device | str | None = None,
    ) -> "PointGrid":
        """The grid of an input of `image_size` (height, width) pixels, each level rounded up."""
        height, width = image_size
        sizes = [(math.ceil(height / stride), math.ceil(width / stride)) for stride in strides]
        return cls.from_sizes(sizes, strides, device)

    def __len__(self) -> int:
        """R"""
        return len(self.centers)


def to_device(
    values: Sequence, dtype: torch.dtype, device: torch.device | str | None = None
) -> Tensor:
    """A tensor of these values on the device. Nobody waits for what the device is doing."""
    return torch.tensor(values, dtype=dtype).to(device, non_blocking=True)


def level_centers(
    height: int, width: int, stride: int, device: torch.device | str | None = None
) -> Tensor:
    """Points of one level, (height * width, 2), row-major."""
    y = (torch.arange(height, device=device) + 0.5) * stride
    x = (torch.arange(width, device=device) + 0.5) * stride
    return torch.stack((x.repeat(height), y[:, None].expand(-1, width).flatten()), dim=1)


def center_regions(
    boxes: Tensor, grid: PointGrid, radius: float, centers: Tensor | None = None
) -> Tensor:
    """The part of each box within `radius` strides of its center, on each level, (M, L, 4).

    `centers`: (M, 2), None for the middle of each box.
    """
    if centers is None:
        centers = (boxes[:, :2] + boxes[:, 2:]) / 2
    reach = radius * grid.level_strides[:, None]
    left_top = torch.maximum(boxes[:, None, :2], centers[:, None] - reach)
    right_bottom = torch.minimum(boxes[:, None, 2:], centers[:, None] + reach)
    return torch.cat((left_top, right_bottom), dim=2)


def points_inside(boxes: Tensor, image: Tensor, grid: PointGrid, num_images: int) -> Tensor:
    """Mask (N * R,) of the points strictly inside any of the boxes (M, 4) of their image (M,)."""
    point, _ = pairs_inside(boxes, image, grid)
    inside = torch.zeros(num_images * len(grid), dtype=torch.bool, device=boxes.device)
    return inside.index_fill_(0, point, True)


def pairs_inside(regions: Tensor, image: Tensor, grid: PointGrid) -> tuple[Tensor, Tensor]:
    """Every pair of a ground truth and a point strictly inside its region.

    The cells inside a rectangle follow from its sides, so the pairs are enumerated; no table of
    points by ground truths exists, and the number of tensor operations depends on neither. The
    number of pairs is the one value read back from the device.

    Args:
        regions: (M, 4) rectangles (x1, y1, x2, y2) in pixels, or (M, L, 4) if they differ by level.
        image: (M,), the image of each ground truth.

    Returns:
        point and ground truth of each pair, (Q,) and (Q,), ordered by ground truth, then level.
    """
    if regions.dim() == 2:
        regions = regions[:, None]

    # Column (row) i is inside when x1 < (i + 0.5) * stride < x2.
    sides = regions / grid.level_strides[:, None] - 0.5
    first = (sides[..., :2].floor() + 1).clamp(min=0)
    end = torch.minimum(sides[..., 2:].ceil(), grid.level_sizes)
    cells = (end - first).long().clamp(min=0)  # (M, L, 2) columns, rows

    block_size = cells.prod(dim=2).flatten()  # a block: the cells of one ground truth on one level
    num_pairs = int(block_size.sum())
    block = torch.repeat_interleave(block_size, output_size=num_pairs)
    block_start = block_size.cumsum(0) - block_size
    k = torch.arange(num_pairs, device=block.device) - take_rows(block_start, block)

    # On the way through a block, each new row skips the cells of the level beside the block.
    num_columns, width = cells[..., 0], grid.level_sizes[:, 0]
    first_column, first_row = first.long().unbind(dim=2)
    first_point = grid.level_starts + image[:, None] * len(grid) + first_row * width + first_column
    row = k // take_rows(num_columns.flatten(), block)
    skipped = row * take_rows((width - num_columns).flatten(), block)
    point = take_rows(first_point.flatten(), block) + k + skipped
    return point, block // len(grid.level_strides)
