"""The shipped detectors under mixed precision."""

from copy import deepcopy

import pytest
import torch
from detectron2.config import instantiate
from detectron2.structures import BitMasks
from detectron2.utils.events import EventStorage
from on_gpu import DEVICE, NEEDS_GPU
from scenes import random_boxes
from tiny_detector import training_image

from dual_weighting import model_zoo
from dual_weighting.assignment import OneToFew

pytestmark = NEEDS_GPU
CONFIGS = (
    "COCO-Detection/fcos_R_50_FPN_1x.py",
    "COCO-Detection/dw_R_50_FPN_1x.py",
    "COCO-Detection/dw_refine_R_50_FPN_1x.py",
    "COCO-Detection/dw_refine_R_50_DCN_FPN_ms_2x.py",
    "COCO-Detection/o2f_R_50_FPN_1x.py",
    "COCO-Detection/o2f_Swin_T_FPN_1x.py",
    "COCO-Detection/dla_R_50_FPN_1x.py",
    "COCO-Detection/dla_R_50_FPN_anchor_1x.py",
    "COCO-Detection/atss_R_50_FPN_1x.py",
    "COCO-InstanceSegmentation/o2f_condinst_R_50_FPN_1x.py",
)
SIZE = (480, 640)
DTYPES = (torch.bfloat16, torch.float16)
LOSS_SCALE = {torch.bfloat16: 1.0, torch.float16: 1024.0}


def batch(num_objects: int) -> list[dict]:
    images = []
    for seed in range(2):
        generator = torch.Generator().manual_seed(seed)
        boxes = random_boxes(num_objects, generator, SIZE, low=16.0, high=300.0)
        classes = torch.randint(80, (num_objects,), generator=generator)
        image = training_image(boxes.tolist(), classes.tolist(), SIZE, seed)
        masks = torch.zeros(num_objects, *SIZE, dtype=torch.bool)
        for mask, (x1, y1, x2, y2) in zip(masks, boxes.long().tolist(), strict=True):
            mask[y1:y2, x1:x2] = True
        image["instances"].gt_masks = BitMasks(masks)
        images.append(image)
    return images


@pytest.fixture(scope="module", params=CONFIGS)
def model(request):
    cfg = model_zoo.get_config(request.param)
    if "Swin" in request.param:
        cfg.model.backbone.bottom_up.drop_path_rate = 0.0
    if "o2f" in request.param:  # boxes of size 0 have no IoU: rounding would choose the points
        cfg.model.head.box_bias = 4.0
    torch.manual_seed(0)
    return instantiate(cfg.model).to(DEVICE)


def losses_of(model, dtype: torch.dtype | None, num_objects: int = 7) -> dict[str, torch.Tensor]:
    """Their gradients are checked. The model stays as it is: Detectron2's FCOS counts positives."""
    model = deepcopy(model).train()
    with EventStorage(), torch.autocast("cuda", dtype=dtype, enabled=dtype is not None):
        losses = model(batch(num_objects))
    assert {x.dtype for x in losses.values()} == {torch.float32}
    (LOSS_SCALE.get(dtype, 1.0) * sum(losses.values())).backward()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)
    return losses


@pytest.mark.parametrize("dtype", DTYPES)
def test_losses(model, dtype):
    """Within 1e-3 of those of float32; O2F's within 5e-3, as it chooses points by score."""
    chooses = isinstance(getattr(model, "scheme", None), OneToFew)
    expected, found = (sum(losses_of(model, x).values()).detach() for x in (None, dtype))
    torch.testing.assert_close(found, expected, rtol=5e-3 if chooses else 1e-3, atol=0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_images_without_objects(model, dtype):
    assert all(x.isfinite() for x in losses_of(model, dtype, num_objects=0).values())


@pytest.mark.parametrize("dtype", DTYPES)
@torch.no_grad()
def test_detections_are_float32(model, dtype):
    model.eval().test_score_thresh = 0.0
    with torch.autocast("cuda", dtype=dtype):
        outputs = model(batch(0))
    for found in (x["instances"] for x in outputs):
        assert len(found) > 20 and found.scores.isfinite().all()
        assert found.scores.dtype == found.pred_boxes.tensor.dtype == torch.float32
