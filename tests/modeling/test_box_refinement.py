import math

import pytest
import torch

from dual_weighting.modeling import BoxRefinement
from dual_weighting.modeling.box_refinement import sample_each_channel


def bilinear(image, x, y):
    """Value at column x, row y; zero outside."""
    height, width = len(image), len(image[0])
    value = 0.0
    for j in (math.floor(y), math.floor(y) + 1):
        for i in (math.floor(x), math.floor(x) + 1):
            if 0 <= j < height and 0 <= i < width:
                value += (1 - abs(x - i)) * (1 - abs(y - j)) * image[j][i]
    return value


def refine_by_equation(distances, offsets, stride):
    """Eq. 9 cell by cell. distances: (4, H, W), offsets: (8, H, W), lists."""
    height, width = len(distances[0]), len(distances[0][0])
    center = [
        [((i + 0.5) * stride, (j + 0.5) * stride) for i in range(width)] for j in range(height)
    ]
    axis, sign = (0, 1, 0, 1), (-1, -1, 1, 1)
    sides = [
        [
            [center[j][i][axis[k]] + sign[k] * distances[k][j][i] for i in range(width)]
            for j in range(height)
        ]
        for k in range(4)
    ]
    refined = torch.zeros(4, height, width, dtype=torch.float64)
    for k in range(4):
        for j in range(height):
            for i in range(width):
                move = sign[k] * distances[k][j][i] / stride
                y = j + (move if axis[k] == 1 else 0) + offsets[2 * k][j][i]
                x = i + (move if axis[k] == 0 else 0) + offsets[2 * k + 1][j][i]
                side = bilinear(sides[k], x, y)
                refined[k, j, i] = max(sign[k] * (side - center[j][i][axis[k]]), 0)
    return refined


@pytest.mark.parametrize("height, width", [(5, 7), (1, 3), (2, 1), (1, 1)])
def test_equation(height, width):
    torch.manual_seed(height)
    module = BoxRefinement(in_channels=6).double()
    torch.nn.init.normal_(module.offset.weight, std=0.3)
    features = torch.randn(2, 6, height, width, dtype=torch.float64)
    distances = 24 * torch.rand(2, 4, height, width, dtype=torch.float64)
    refined = module(features, distances, 8)
    offsets = module.offset(features)
    for n in range(2):
        expected = refine_by_equation(distances[n].tolist(), offsets[n].tolist(), 8)
        torch.testing.assert_close(refined[n], expected, rtol=1e-4, atol=1e-4)


def test_all_cells_agree():
    """Where every cell predicts one and the same box, refinement does not change it."""
    module = BoxRefinement(in_channels=4)
    torch.nn.init.zeros_(module.offset.weight)
    center = (torch.arange(8) + 0.5) * 8
    x, y = center.expand(8, 8), center[:, None].expand(8, 8)
    box = (20.0, 12.0, 44.0, 52.0)
    distances = torch.stack((x - box[0], y - box[1], box[2] - x, box[3] - y))[None]
    inside = distances.amin(dim=1)[0] > 0
    refined = module(torch.zeros(1, 4, 8, 8), distances.clamp(min=0), 8)
    torch.testing.assert_close(refined[0, :, inside], distances[0, :, inside])


def test_sampling_by_hand():
    maps = torch.tensor([[[[1.0, 2], [3, 4]]]])

    def read(x, y):
        at = torch.full_like(maps, 0.0)
        return sample_each_channel(maps, at + x, at + y)[0, 0, 0, 0].item()

    assert read(0, 0) == 1 and read(1, 1) == 4
    assert read(0.5, 0.5) == pytest.approx(2.5)
    assert read(1.5, 0) == pytest.approx(1.0)  # half outside
    assert read(5, 5) == 0
