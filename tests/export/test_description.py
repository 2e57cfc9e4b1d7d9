import pytest
from detectron2.config import LazyCall as L
from detectron2.data import transforms as T
from omegaconf import OmegaConf
from PIL import Image

from dual_weighting.export import description
from dual_weighting.utils.errors import UserError


def resize_of(*steps):
    return description.test_resize(OmegaConf.create(list(steps), flags={"allow_objects": True}))


def test_what_resizes_test_images():
    assert resize_of() is None
    resize = resize_of(L(T.ResizeShortestEdge)(short_edge_length=70, max_size=200))
    assert resize.max_size == 200 and min(resize.short_edge_length) == 70


@pytest.mark.parametrize(
    "step",
    [
        L(T.RandomFlip)(),
        L(T.ResizeShortestEdge)(short_edge_length=[70, 80], max_size=200),
        L(T.ResizeShortestEdge)(short_edge_length=70, max_size=200, interp=Image.BICUBIC),
    ],
)
def test_what_the_file_cannot_describe(step):
    with pytest.raises(UserError, match="one ResizeShortestEdge for an export, bilinear and of"):
        resize_of(step)
