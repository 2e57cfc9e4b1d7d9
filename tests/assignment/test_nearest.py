import pytest
import torch

from dual_weighting.assignment import PointGrid
from dual_weighting.assignment.nearest import nearest_points


def nearest_by_table(centers, image, grid, k):
    """Pairs in order, from the full table of distances."""
    pairs = []
    ends = [*grid.level_starts.tolist()[1:], len(grid)]
    for m, center in enumerate(centers):
        for start, end in zip(grid.level_starts.tolist(), ends, strict=True):
            distance = (grid.centers[start:end] - center).square().sum(dim=1)
            nearest = start + distance.argsort(stable=True)[:k]
            pairs += [(int(image[m]) * len(grid) + r, m) for r in nearest.tolist()]
    return pairs


def as_list(point, gt):
    return list(zip(point.tolist(), gt.tolist(), strict=True))


def test_by_hand():
    """3 columns and 2 rows of stride 8 (points 0 to 5), then one point of stride 32."""
    grid = PointGrid.from_sizes([(2, 3), (1, 1)], [8, 32])
    centers = torch.tensor([[11.0, 5.0], [19.0, 13.0]])
    point, gt = nearest_points(centers, torch.tensor([0, 1]), grid, k=2)
    # (12, 4) and then (4, 4), 1 and 7 pixels away; (20, 12) and then (12, 12), in image 1
    assert point.tolist() == [1, 0, 6, 7 + 5, 7 + 4, 7 + 6]
    assert gt.tolist() == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize(
    "center, points",
    [
        ([8.0, 8], [0, 1, 4]),  # the corner of four cells: row-major
        ([12.0, 12], [5, 1, 4]),  # on a point, whose four neighbors are equally near
        ([16.0, 4], [1, 2, 5]),
        ([-50.0, -50], [0, 1, 4]),  # outside
        ([20.0, 500], [10, 9, 11]),
    ],
)
def test_ties_and_borders(center, points):
    """3 rows of 4 points."""
    grid = PointGrid.from_sizes([(3, 4)], [8])
    found, _ = nearest_points(torch.tensor([center]), torch.tensor([0]), grid, k=3)
    assert found.tolist() == points


@pytest.mark.parametrize("k", [1, 2, 9, 10])
@pytest.mark.parametrize("size", [(100, 150), (33, 400), (8, 8)])
def test_equal_the_table(size, k):
    """Random places, on the grid's own points, corners and edges too; small levels."""
    generator = torch.Generator().manual_seed(k)
    grid = PointGrid.from_image(size, strides=(8, 16, 32, 64, 128))
    low, high = torch.tensor([-40.0, -40]), torch.tensor([size[1] + 40.0, size[0] + 40])
    centers = low + (high - low) * torch.rand(120, 2, generator=generator)
    centers[:40] = (centers[:40] / 4).round() * 4
    image = torch.randint(3, (120,), generator=generator)
    found = nearest_points(centers, image, grid, k)
    assert as_list(*found) == nearest_by_table(centers, image, grid, k)


def test_no_ground_truth():
    grid = PointGrid.from_image((16, 16), strides=(8, 16))
    point, gt = nearest_points(torch.zeros(0, 2), torch.zeros(0, dtype=torch.long), grid, k=9)
    assert point.shape == gt.shape == (0,)
