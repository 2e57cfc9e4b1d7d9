"""Detections of an image do not depend on the other images of its batch."""

import pytest
import torch
from tiny_detector import tiny_condinst, tiny_detector, tiny_fcos, tiny_head, training_image

from dual_weighting.export.check import compare
from dual_weighting.modeling import BoxRefinement

SIZES = [(64, 96), (33, 150), (90, 64), (50, 90), (17, 40), (64, 96), (131, 70)]
DETECTORS = {
    "DW": tiny_detector,
    "refining": lambda: tiny_detector(head=tiny_head(box_refinement=BoxRefinement(in_channels=32))),
    "FCOS": lambda: tiny_fcos(test_score_thresh=0.0),
    "masks": tiny_condinst,
}


@pytest.fixture(scope="module")
def device():
    return "cpu"


@pytest.mark.parametrize("name", DETECTORS)
@torch.no_grad()
def test_an_image_alone_and_in_a_batch(name, device):
    model = DETECTORS[name]().eval().to(device)
    model.test_score_thresh = 0.0
    images = [training_image([], [], size, seed) for seed, size in enumerate(SIZES)]
    limits = {"score_thresh": 0.0, "limit": model.max_detections_per_image}
    for image, found in zip(images, model(images), strict=True):
        found, alone = (x["instances"].to("cpu") for x in (found, *model([image])))
        assert found.image_size == (image["height"], image["width"])
        fields = {"boxes": found.pred_boxes.tensor, "scores": found.scores}
        difference = compare(alone, {**fields, "classes": found.pred_classes}, **limits)
        assert len(found) == difference.detections > 0 and difference.unmatched == 0
        assert difference.score < 1e-4 and difference.box < 0.01


def test_images_of_one_padded_shape_run_together():
    """64 x 96 and 50 x 90 are padded to 64 x 96 both; in training all images are."""
    model, batches = tiny_detector(), []
    model.backbone.register_forward_hook(lambda m, args, out: batches.append(tuple(args[0].shape)))
    images = [training_image([[5, 5, 15, 15]], [0], size) for size in SIZES]
    with torch.no_grad():
        model.eval()(images)
    assert [(n, height, width) for n, _, height, width in batches] == [
        (3, 64, 96), (1, 64, 160), (1, 96, 64), (1, 32, 64), (1, 160, 96)
    ]  # fmt: skip
    batches.clear()
    model.train()(images)
    assert batches == [(7, 3, 160, 160)]
