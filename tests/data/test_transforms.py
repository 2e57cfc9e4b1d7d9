import numpy as np
import pytest
from PIL import Image

from dual_weighting.data.transforms import ResizeShortestEdge

SQUARES = np.zeros((8, 8, 3), dtype=np.uint8)
SQUARES[::2] = 200  # lines of one pixel


def resized(image, **options):
    return ResizeShortestEdge(short_edge_length=2, max_size=9, **options).get_transform(image)


def test_antialiasing_is_an_average():
    """Four lines become one: their mean, or the two in the middle alone."""
    assert np.abs(resized(SQUARES).apply_image(SQUARES).astype(int) - 100).max() <= 15
    shrunk = SQUARES.copy()
    shrunk[1::4] = 200  # of each four lines, the second now counts too
    plain = resized(shrunk, antialias=False).apply_image(shrunk)
    assert plain.shape == (2, 2, 3) and (plain == 200).all()


@pytest.mark.parametrize("shape", [(40, 30), (40, 30, 3), (7, 90, 3)])
def test_plain_bilinear_is_that_of_pillow_without_its_filter(shape):
    """Between the four nearest pixels."""
    image = np.random.default_rng(0).integers(256, size=shape, dtype=np.uint8)
    transform = ResizeShortestEdge(short_edge_length=11, max_size=60, antialias=False)
    transform = transform.get_transform(image)
    found = transform.apply_image(image)
    height, width = found.shape[:2]
    scale = (shape[1] / width, 0, 0, 0, shape[0] / height, 0)
    expected = Image.fromarray(image).transform(
        (width, height), Image.Transform.AFFINE, scale, Image.Resampling.BILINEAR
    )
    assert found.shape == (height, width, *shape[2:])
    assert np.abs(found.astype(int) - np.asarray(expected)).max() <= 2


def test_segmentations_are_those_of_detectron2():
    mask = np.random.default_rng(0).integers(2, size=(40, 30), dtype=np.uint8)
    found, expected = (
        ResizeShortestEdge(short_edge_length=11, max_size=60, antialias=x)
        .get_transform(mask)
        .apply_segmentation(mask)
        for x in (False, True)
    )
    assert (found == expected).all()
