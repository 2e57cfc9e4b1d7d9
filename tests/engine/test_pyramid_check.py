"""Boxes on the levels of a pyramid, and objects that no point can learn."""

import numpy as np
import pytest
from detectron2.config import LazyCall as L
from detectron2.data import transforms as T
from omegaconf import OmegaConf

from dual_weighting import model_zoo
from dual_weighting.data.annotation_checks import AnnotationTable
from dual_weighting.data.coco_content import CocoContent
from dual_weighting.engine.pyramid_check import PyramidCheck, pyramid_strides, resized


def check(boxes, config="Digits/dw_R_18_FPN.py", augmentations=(), width=640, height=640):
    """Of boxes (x, y, width, height) in one image; strides are 8, 16, 32."""
    table = AnnotationTable.of(
        CocoContent(
            "own.json",
            [{"id": 1, "file_name": "a.png", "width": width, "height": height}],
            [
                {"id": k, "image_id": 1, "category_id": 1, "bbox": list(box)}
                for k, box in enumerate(boxes, start=1)
            ],
            [{"id": 1, "name": "x"}],
        )
    )
    mapper = OmegaConf.create({"augmentations": list(augmentations)}, flags={"allow_objects": True})
    return PyramidCheck(table, model_zoo.get_config(config).model, mapper)


def findings(pyramid) -> list[list[str]]:
    return [[item.split(" of ")[0] for item in finding.items] for finding in pyramid.findings()]


@pytest.mark.parametrize(
    ("config", "strides"),
    [
        ("Digits/fcos_R_18_FPN.py", [8, 16, 32]),
        ("COCO-Detection/o2f_Swin_T_FPN_1x.py", [8, 16, 32, 64, 128]),
    ],
)
def test_strides(config, strides):
    assert pyramid_strides(model_zoo.get_config(config).model) == strides


def test_levels():
    # Between strides 8 and 16: 8 * sqrt(8 * 16) = 90.5; between 16 and 32: 181.02.
    sides = (4, 90, 91, 181, 182, 600)
    pyramid = check([[0, 0, side, side] for side in sides])
    assert pyramid.levels().tolist() == [0, 0, 1, 1, 2, 2]
    lines = pyramid.table_of_levels().splitlines()[1:]
    assert [line.split()[:5] for line in lines] == [
        ["8", "below", "91", "2", "33%"],
        ["16", "91", "to", "181", "2"],
        ["32", "above", "181", "2", "33%"],
    ]


def test_boxes_of_the_smallest_input_of_the_training():
    resize = L(T.ResizeShortestEdge)(
        short_edge_length=[320, 640], max_size=1333, sample_style="range"
    )
    pyramid = check([[64, 0, 128, 640]], augmentations=[resize], width=1280)
    assert pyramid.boxes.tolist() == [[32, 0, 96, 320]]
    assert pyramid.describe_input().startswith("a shorter side of 320, 1333 at most, the smallest")
    limited = T.ResizeShortestEdge(800, 1000)
    assert resized(np.array([[400.0, 200.0]]), limited).tolist() == [[1000, 500]]


# Points of stride 8 are at 4, 12, 20, ...; of stride 16 at 8, 24, ...; of stride 32 at 16, 48, ...
def test_objects_that_no_point_is_inside_of():
    boxes = [[13, 13, 2, 2], [3, 3, 2, 2], [13, 0, 2, 600], [4, 4, 4, 4], [4, 4, 4.1, 4.1]]
    unseen, unlearnt = findings(check(boxes))
    assert unseen == ["annotation 1", "annotation 3", "annotation 4"] and unlearnt == []


@pytest.mark.parametrize("config", ["Digits/fcos_R_18_FPN.py", "Digits/fcos_scheme_R_18_FPN.py"])
def test_objects_without_a_point_on_their_level(config):
    # 6 x 500 at x = 1: a column of stride 8 is inside, but none of stride 32, which has its size.
    # Of two equal boxes the first takes all points.
    boxes = [[1, 60, 6, 500], [300, 300, 64, 64], [300, 300, 64, 64]]
    unseen, unlearnt = findings(check(boxes, config))
    assert unseen == [] and unlearnt == ["annotation 1", "annotation 3"]


@pytest.mark.parametrize("config", ["Digits/dla_R_18_FPN.py", "Digits/o2f_R_18_FPN.py"])
def test_other_schemes(config):
    assert findings(check([[300, 300, 64, 64]], config)) == [[], []]


def test_nothing_to_look_at():
    assert findings(check([])) == [[], []]
