"""The losses as users of the functions see them: golden numbers, oracles, arguments."""

import inspect
import subprocess
import sys

import numpy as np
import pytest
import torch
from loss_calls import LOSSES, ORACLES, losses_and_gradients
from scenes import load_golden, random_scene

from dual_weighting.functional import dla_losses, dw_losses, o2f_losses


def assert_golden(function, scene, answer, suffix=""):
    losses, grads = losses_and_gradients(function, scene)
    for name, value in losses.items():
        assert value == pytest.approx(float(answer[name + suffix]), rel=1e-5)
    for name, grad in grads.items():
        expected = answer[f"grad_{name}{suffix}"]
        assert np.linalg.norm(grad.cpu().numpy() - expected) <= 1e-4 * np.linalg.norm(expected)


@pytest.mark.parametrize("case", ["basic", "no_gt_image", "crowd", "tiny_gt"])
def test_golden_dw(case):
    """The authors' release: losses within 1e-5, gradients within 1e-4 (norm of the difference)."""
    assert_golden(dw_losses, *load_golden(f"dw_loss_{case}"))


@pytest.mark.parametrize("epoch", [0, 6, 11])
@pytest.mark.parametrize("case", ["basic", "crowd", "tiny_gt"])
def test_golden_o2f(case, epoch):
    """As above, in three epochs of 12."""
    scene, answer = load_golden(f"o2f_loss_{case}")
    assert_golden(o2f_losses, scene | {"progress": epoch / 11}, answer, f"_epoch{epoch}")


@pytest.mark.parametrize("scheme", LOSSES)
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("num_classes", [1, 3])
def test_oracle(scheme, seed, num_classes):
    """With one class, ground truths of one class share many points."""
    scene = random_scene(seed, num_gt=(5, 0, 3), num_classes=num_classes)
    losses, _ = losses_and_gradients(LOSSES[scheme], scene)
    assert losses == pytest.approx(ORACLES[scheme](**scene), rel=2e-5)


CHANGES = {
    dw_losses: {"beta": 2.0, "mu": 1.0, "mu_norm": 5.0, "sigma": 3.0, "gamma1": 1.0,
                "gamma2": 1.0, "min_iou": 0.8, "positive_loss_weight": 1.0},
    o2f_losses: {"radius": 0.8, "num_soft": 3, "alpha": 0.2, "soft_degree_first": 0.9,
                 "soft_degree_last": 0.5, "soft_weight": 1.0, "focal_alpha": 0.25,
                 "focal_gamma": 1.0, "box_loss_weight": 1.0, "progress": 0.9},
    dla_losses: {"k": 5, "alpha_first": 0.3, "alpha_last": 0.5, "epochs": 1, "gamma": 0.5,
                 "prior_scale": 4.0, "focal_alpha": 0.5, "focal_gamma": 1.0,
                 "box_loss_weight": 1.0, "metric_loss_weight": 2.0, "progress": 0.0},
}  # fmt: skip
SCHEDULES = {o2f_losses: {"progress": 0.5}, dla_losses: {"progress": 0.5, "epochs": 12}}


@pytest.mark.parametrize(
    "function, name, value",
    [(function, *change) for function, changes in CHANGES.items() for change in changes.items()],
)
def test_every_hyperparameter_has_an_effect(function, name, value):
    scene = random_scene(0) | SCHEDULES.get(function, {})
    plain, _ = losses_and_gradients(function, scene)
    changed, _ = losses_and_gradients(function, scene | {name: value})
    assert changed != pytest.approx(plain, rel=1e-4)


@pytest.mark.parametrize("function", CHANGES)
def test_no_hyperparameter_is_forgotten(function):
    parameters = inspect.signature(function).parameters
    keywords = {name for name, p in parameters.items() if p.kind is p.KEYWORD_ONLY}
    assert keywords == CHANGES[function].keys() | {"image_size", "strides"}


def test_import_pulls_in_torch_only():
    code = (
        "import sys; from dual_weighting.functional import dla_losses, dw_losses, o2f_losses; "
        "bad = {'torchvision', 'detectron2', 'fvcore', 'cv2', 'omegaconf', 'pycocotools', "
        "'sklearn', 'matplotlib'} & set(sys.modules); sys.exit(f'imported {bad}' if bad else 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("scheme", LOSSES)
@pytest.mark.parametrize(
    "change, message",
    [
        ({"image_size": (32, 32)}, "points an image"),
        ({"box_distances": torch.zeros(2, 10, 4)}, "box_distances is"),
        ({"gt_boxes": []}, "0 gt_boxes"),
        ({"gt_classes": [torch.tensor([0]), torch.tensor([0])]}, r"gt_boxes\[0\]"),
        ({"gt_classes": [torch.tensor([0, 1, 3]), torch.tensor([0, 1])]}, "outside"),
    ],
)
def test_errors(scheme, change, message):
    with pytest.raises(ValueError, match=message):
        LOSSES[scheme](**(random_scene(0) | change))


@pytest.mark.parametrize("progress", [-0.1, 1.1, float("nan")])
@pytest.mark.parametrize("function", SCHEDULES)
def test_progress_is_a_share(function, progress):
    with pytest.raises(ValueError, match="progress is a number in"):
        function(**random_scene(0), **(SCHEDULES[function] | {"progress": progress}))


def test_dla_epochs_are_positive():
    with pytest.raises(ValueError, match="epochs is a positive number"):
        dla_losses(**random_scene(0), progress=0.5, epochs=0)
