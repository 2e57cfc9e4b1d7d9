"""Box refinement of DW (CVPR 2022, eq. 9)."""

import torch
import torch.nn.functional as F
from detectron2.layers import Conv2d
from torch import Tensor, nn

from ..assignment.points import level_centers, to_device

# Each side of a box (left, top, right, bottom): its axis and the direction of its distance.
SIDE_X = (-1.0, 0.0, 1.0, 0.0)
SIDE_Y = (0.0, -1.0, 0.0, 1.0)


class BoxRefinement(nn.Module):
    """Replaces each side of a box by what is predicted for that side near the side itself.

    Every cell predicts a coarse box and, for each of its four sides, an offset of a few cells. The
    refined left side of a cell is the coarse left side read at the left side's middle plus that
    offset, and so on: a point on the border knows the border better than the center does.
    """

    def __init__(self, *, in_channels: int):
        """
        Args:
            in_channels: channels of the regression tower.
        """
        super().__init__()
        self.offset = Conv2d(in_channels, 8, kernel_size=3, padding=1)
        nn.init.normal_(self.offset.weight, std=0.01)
        nn.init.zeros_(self.offset.bias)

    def forward(self, features: Tensor, distances: Tensor, stride: int) -> Tensor:
        """
        Args:
            features: (N, C, H, W) of one level, from the regression tower.
            distances: (N, 4, H, W) coarse distances to left, top, right, bottom side, pixels.
            stride: pixels.

        Returns:
            Refined distances, (N, 4, H, W), pixels.
        """
        height, width = distances.shape[-2:]
        offset = self.offset(features).float().unflatten(1, (4, 2))  # (dy, dx) of each side, cells
        centers = level_centers(height, width, stride, distances.device)
        center = centers.T.reshape(2, height, width)

        sign_x, sign_y = to_device((SIDE_X, SIDE_Y), distances.dtype, distances.device)[
            ..., None, None
        ]
        # (4, H, W), along each side's axis
        center = torch.where(sign_x.bool(), center[0], center[1])
        sides = center + (sign_x + sign_y) * distances
        cells = centers.T.reshape(2, 1, height, width) / stride - 0.5
        x = cells[0] + sign_x * distances / stride + offset[:, :, 1]
        y = cells[1] + sign_y * distances / stride + offset[:, :, 0]

        refined = sample_each_channel(sides, x, y)
        return F.relu((sign_x + sign_y) * (refined - center))


def sample_each_channel(maps: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Bilinear reading of each channel at its own places, zero outside the map.

    Args:
        maps: (N, C, H, W).
        x, y: (N, C, H, W), column and row in cells; (0, 0) is the center of the first cell.

    Returns:
        (N, C, H, W).
    """
    height, width = maps.shape[-2:]
    grid = torch.stack(((2 * x + 1) / width - 1, (2 * y + 1) / height - 1), dim=-1)
    sampled = F.grid_sample(
        maps.flatten(0, 1)[:, None], grid.flatten(0, 1), padding_mode="zeros", align_corners=False
    )
    return sampled.view_as(maps)
