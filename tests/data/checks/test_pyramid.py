"""Boxes on the levels of a pyramid, and objects that no point can learn."""

import numpy as np
import pytest
import torch
from detectron2.config import LazyCall as L
from detectron2.data import transforms as T
from omegaconf import OmegaConf

from dual_weighting import model_zoo
from dual_weighting.assignment import Batch, GroundTruths, Predictions
from dual_weighting.data.checks.pyramid import PyramidCheck, pyramid_strides, resized
from dual_weighting.data.checks.table import AnnotationTable
from dual_weighting.data.coco_content import CocoContent


def check(boxes, config="Digits/dw_R_18_FPN.py", augmentations=(), width=640, height=640):
    """Of boxes (x, y, width, height) in one image; strides are 8, 16, 32."""
    return check_images([(width, height)], [0] * len(boxes), boxes, config, augmentations)


def check_images(sizes, image, boxes, config, augmentations=()):
    """Of images of these sizes, `image` being the position of each box's image."""
    table = AnnotationTable.of(
        CocoContent(
            "own.json",
            [
                {"id": k, "file_name": f"{k}.png", "width": int(width), "height": int(height)}
                for k, (width, height) in enumerate(sizes, start=1)
            ],
            [
                {"id": k, "image_id": int(of) + 1, "category_id": 1, "bbox": list(box)}
                for k, (of, box) in enumerate(zip(image, boxes, strict=True), start=1)
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
    slips, unseen, unlearnt = findings(check(boxes))
    assert slips == ["annotation 1", "annotation 3"]
    assert unseen == ["annotation 4"] and unlearnt == []


def advice(boxes, **kwargs):
    return [finding.advice for finding in check(boxes, **kwargs).findings()]


def test_what_to_do_about_small_objects():
    large = [[100, 100, 50, 50]]
    slip, few, _ = advice([[20.5, 20.5, 1, 1], *large])
    assert "correct or remove these annotations" in slip and "--image-size" not in few
    # 4 pixels of a shorter side of 400 are 8, the finest stride, at 800; 832 is the next of 32.
    _, many, _ = advice([[4, 4, 4, 4], *large], width=600, height=400)
    assert many == "nothing learns them; --image-size 832 is large enough for 99% of the objects"
    # The longer side has at most 1333/800 times --image-size: 8/4 * 4000 / (1333/800) = 4801.
    _, many, _ = advice([[4, 4, 4, 4], *large], width=4000, height=400)
    assert "--image-size 4832" in many
    _, few, _ = advice([[4, 4, 4, 4], *large * 99])
    assert "few enough" in few


@pytest.mark.parametrize(
    "config",
    ["dw_R_18_FPN", "dla_R_18_FPN", "o2f_R_18_FPN", "atss_R_18_FPN", "fcos_scheme_R_18_FPN"],
)
def test_as_the_scheme_assigns_each_image(config):
    rng = np.random.default_rng(7)
    sizes = rng.integers(100, 300, (150, 2))
    image = rng.integers(0, len(sizes), 1200)
    corner = rng.uniform(0, 1, (len(image), 2)) * (sizes[image] - 4)
    side = np.minimum(
        rng.uniform(2, 40, corner.shape) ** rng.uniform(0.3, 1.3), sizes[image] - corner
    )
    boxes = np.concatenate((corner, side), axis=1).tolist()
    pyramid = check_images(sizes, image, boxes, f"Digits/{config}.py")
    scheme, expected = pyramid.scheme(), np.zeros(len(boxes), dtype=bool)
    for n in np.unique(image):
        mine = (pyramid.image == n).nonzero()[0]
        grid = pyramid.grid(pyramid.sizes[[n]])
        distances = (4 * grid.strides)[None, :, None].repeat(1, 1, 4)
        logits = torch.zeros(1, len(grid), 1)
        targets = GroundTruths.from_images(
            [torch.from_numpy(pyramid.boxes[mine])], [torch.zeros(len(mine), dtype=torch.long)]
        )
        assignment = scheme(Batch(Predictions(logits, distances, logits), targets, grid))
        learnt = assignment.gt[assignment.positive > 0]
        expected[mine] = torch.bincount(learnt, minlength=len(mine)).numpy() == 0
    assert expected.any() and not expected.all()
    assert (pyramid.unlearnt() == expected).all()


@pytest.mark.parametrize("config", ["Digits/fcos_R_18_FPN.py", "Digits/fcos_scheme_R_18_FPN.py"])
def test_objects_without_a_point_on_their_level(config):
    # 6 x 500 at x = 1: a column of stride 8 is inside, but none of stride 32, which has its size.
    # Of two equal boxes the first takes all points.
    boxes = [[1, 60, 6, 500], [300, 300, 64, 64], [300, 300, 64, 64]]
    slips, unseen, unlearnt = findings(check(boxes, config))
    assert slips == unseen == [] and unlearnt == ["annotation 1", "annotation 3"]


@pytest.mark.parametrize("config", ["Digits/dla_R_18_FPN.py", "Digits/o2f_R_18_FPN.py"])
def test_other_schemes(config):
    assert findings(check([[300, 300, 64, 64]], config)) == [[], [], []]


def test_nothing_to_look_at():
    assert findings(check([])) == [[], [], []]
