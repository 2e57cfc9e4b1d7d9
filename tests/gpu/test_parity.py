"""A GPU computes what the CPU computes, and what the authors' releases do."""

import pytest
import torch
from all_schemes import SCHEMES
from checkpoint.test_golden_models import (  # noqa: F401  they run here too, on `device`
    detections,
    golden_model,
    test_detections,
    test_mask_areas,
    test_training_losses,
)
from loss_calls import losses_and_gradients
from modeling.test_inference import test_an_image_alone_and_in_a_batch  # noqa: F401
from on_gpu import DEVICE, NEEDS_GPU, moved
from scenes import INPUTS, batch_of, load_golden, random_scene
from test_crowds import losses_of
from test_functional import assert_golden

from dual_weighting.functional import dw_losses, o2f_losses

pytestmark = [*NEEDS_GPU, pytest.mark.usefixtures("exact_convolutions")]


@pytest.fixture(scope="module")
def device() -> torch.device:
    return DEVICE


every_scheme = pytest.mark.parametrize("scheme", SCHEMES)


@every_scheme
def test_losses_and_gradients_are_those_of_the_cpu(scheme):
    def function(**scene):
        return losses_of(scheme, batch_of(scene, 0.5))

    scene = random_scene(
        0, num_gt=(30, 0), num_classes=80, image_size=(512, 640), strides=(8, 16, 32, 64, 128)
    )
    expected, expected_gradients = losses_and_gradients(function, scene)
    found, gradients = losses_and_gradients(function, moved(scene))
    assert found == pytest.approx(expected, rel=1e-5)
    for name in INPUTS:
        error = (gradients[name].cpu() - expected_gradients[name]).norm()
        assert error <= 1e-5 * expected_gradients[name].norm()


@every_scheme
def test_waiting(scheme):
    """Once, to know how many candidates there are."""
    batch = batch_of(moved(random_scene(0)), 0.5)
    losses_of(scheme, batch)
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with pytest.warns(UserWarning, match="synchronizing") as warnings:
            losses_of(scheme, batch)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert len(warnings) == 1


@pytest.mark.parametrize("case", ["basic", "no_gt_image", "crowd", "tiny_gt"])
def test_golden_dw(case):
    scene, answer = load_golden(f"dw_loss_{case}")
    assert_golden(dw_losses, moved(scene), answer)


@pytest.mark.parametrize("epoch", [0, 6, 11])
@pytest.mark.parametrize("case", ["basic", "crowd", "tiny_gt"])
def test_golden_o2f(case, epoch):
    scene, answer = load_golden(f"o2f_loss_{case}")
    assert_golden(o2f_losses, moved(scene) | {"progress": epoch / 11}, answer, f"_epoch{epoch}")
