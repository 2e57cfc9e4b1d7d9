"""How many operations a training step has: on a GPU, and few images, they are what takes time."""

import pytest
import torch
from all_schemes import SCHEMES
from detectron2.config import instantiate
from detectron2.utils.events import EventStorage
from operations import CountOperations
from scenes import batch_of, random_scene, with_gradient
from tiny_detector import training_image

from dual_weighting import model_zoo

pytestmark = pytest.mark.skipif(
    not torch.__version__.startswith("2.14."), reason="counted with torch 2.14"
)

# What was reached for DW, to be lowered; for the others a little more.
STEP = {"dw": 1344, "o2f": 1560, "dla": 1440}
SCHEME_AND_LOSSES = {"dw": 300, "o2f": 355, "dla": 345}
IMAGES = [training_image([[8, 8, 40, 40], [50, 10, 90, 60]], [0, 1], seed=seed) for seed in (0, 1)]


@pytest.mark.parametrize("scheme", STEP)
def test_of_a_whole_step(scheme):
    """R-50-FPN and the optimizer of its config, two images, the second step. Detectron2's FCOS has
    1,764 in its first."""
    cfg = model_zoo.get_config(f"COCO-Detection/{scheme}_R_50_FPN_1x.py")
    model = instantiate(cfg.model).train()
    cfg.optimizer.params.model = model
    optimizer = instantiate(cfg.optimizer)
    for _ in range(2):
        with CountOperations() as operations, EventStorage():
            losses = sum(model(IMAGES).values())
            optimizer.zero_grad()
            losses.backward()
            optimizer.step()
    assert operations.count <= STEP[scheme]


@pytest.mark.parametrize("scheme", SCHEME_AND_LOSSES)
def test_of_scheme_and_losses(scheme):
    assign, losses = SCHEMES[scheme]
    batch = batch_of(with_gradient(random_scene(0)), 0.5)
    with CountOperations() as operations:
        sum(losses(assign(batch), batch).values()).backward()
    assert operations.count <= SCHEME_AND_LOSSES[scheme]
