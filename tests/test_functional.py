"""The losses as users of the functions see them: golden numbers, oracles, arguments."""

import inspect
import subprocess
import sys

import numpy as np
import pytest
import torch
from loss_calls import LOSSES, ORACLES, losses_and_gradients
from scenes import load_golden, random_scene

from dual_weighting.functional import dw_losses, o2f_losses


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


HYPERPARAMETERS = [
    (scheme, parameter.name, parameter.default)
    for scheme, function in LOSSES.items()
    for parameter in inspect.signature(function).parameters.values()
    if parameter.kind is parameter.KEYWORD_ONLY and parameter.name not in ("image_size", "strides")
]


@pytest.mark.parametrize("scheme, name, value", HYPERPARAMETERS)
def test_every_hyperparameter_has_an_effect(scheme, name, value):
    other = type(value)(value / 4)
    plain, _ = losses_and_gradients(LOSSES[scheme], random_scene(0))
    changed, _ = losses_and_gradients(LOSSES[scheme], random_scene(0) | {name: other})
    assert changed != pytest.approx(plain, rel=1e-4)


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
@pytest.mark.parametrize("scheme", ["o2f", "dla"])
def test_progress_is_a_share(scheme, progress):
    with pytest.raises(ValueError, match="progress is a number in"):
        LOSSES[scheme](**random_scene(0), progress=progress)


def test_dla_epochs_are_positive():
    with pytest.raises(ValueError, match="epochs is a positive number"):
        LOSSES["dla"](**random_scene(0), epochs=0)
