"""DW's losses as users of the function see them: golden numbers, an oracle, and the traps."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks.dense_dw import dense_dw_losses
from oracles import dw as oracle
from scenes import INPUTS, random_scene, with_gradient
from torch.utils._python_dispatch import TorchDispatchMode

from dual_weighting.functional import dw_losses

GOLDEN = Path(__file__).parent / "golden"


def losses_and_gradients(scene, function=dw_losses):
    scene = with_gradient(scene)
    losses = function(**scene)
    sum(losses.values()).backward()
    return {k: v.item() for k, v in losses.items()}, {name: scene[name].grad for name in INPUTS}


def assert_finite_and_attached(scene):
    losses, grads = losses_and_gradients(scene)
    assert all(np.isfinite(list(losses.values())))
    for grad in grads.values():
        assert grad is not None and torch.isfinite(grad).all()
    return losses, grads


@pytest.mark.parametrize("case", ["basic", "no_gt_image", "crowd", "tiny_gt"])
def test_golden(case):
    """The authors' release: losses within 1e-5, gradients within 1e-4 (norm of the difference)."""
    answer = np.load(GOLDEN / f"dw_loss_{case}.npz")
    scene = {name: torch.from_numpy(answer[name]) for name in INPUTS} | {
        "gt_boxes": [torch.from_numpy(answer[f"gt_boxes_{n}"]) for n in range(2)],
        "gt_classes": [torch.from_numpy(answer[f"gt_classes_{n}"]) for n in range(2)],
        "image_size": tuple(answer["image_size"].tolist()),
        "strides": answer["strides"].tolist(),
    }
    losses, grads = losses_and_gradients(scene)
    for name, value in losses.items():
        assert value == pytest.approx(float(answer[name]), rel=1e-5)
    for name, grad in grads.items():
        expected = answer[f"grad_{name}"]
        assert np.linalg.norm(grad.numpy() - expected) <= 1e-4 * np.linalg.norm(expected)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("num_classes", [1, 3])
def test_oracle(seed, num_classes):
    """With one class, ground truths of one class share many points."""
    scene = random_scene(seed, num_gt=(5, 0, 3), num_classes=num_classes)
    losses, _ = losses_and_gradients(scene)
    assert losses == pytest.approx(oracle.dw_losses(**scene), rel=2e-5)


@pytest.mark.parametrize("seed", range(3))
def test_dense_formulation(seed):
    """The formulation that the benchmark compares with computes the same, gradients too."""
    scene = random_scene(seed, num_gt=(5, 3), num_classes=2)
    losses, grads = losses_and_gradients(scene)
    expected, expected_grads = losses_and_gradients(scene, dense_dw_losses)
    assert losses == pytest.approx(expected, rel=1e-5)
    for name in INPUTS:
        torch.testing.assert_close(grads[name], expected_grads[name], rtol=1e-4, atol=1e-6)


def test_batch_is_the_sum_of_its_images():
    """Positives of two images: the mean of the images' losses, weighted by their ground truths."""
    scene = random_scene(0, num_gt=(3, 1))
    both, _ = losses_and_gradients(scene)
    image = [
        losses_and_gradients(
            scene | {k: scene[k][n : n + 1] for k in (*INPUTS, "gt_boxes", "gt_classes")}
        )[0]
        for n in range(2)
    ]
    for name in ("loss_cls_pos", "loss_loc"):
        assert both[name] == pytest.approx((3 * image[0][name] + image[1][name]) / 4, rel=1e-5)


def test_order_of_ground_truths_does_not_matter():
    scene = random_scene(1, num_gt=(6, 4), num_classes=1)
    losses, _ = losses_and_gradients(scene)
    flipped = {k: [x.flip(0) for x in scene[k]] for k in ("gt_boxes", "gt_classes")}
    assert losses_and_gradients(scene | flipped)[0] == pytest.approx(losses, rel=1e-6)


def test_no_ground_truth_at_all():
    losses, grads = assert_finite_and_attached(random_scene(0, num_gt=(0, 0)))
    assert losses["loss_cls_pos"] == losses["loss_loc"] == 0
    assert losses["loss_cls_neg"] > 0
    assert grads["cls_logits"].abs().min() > 0  # everything is a negative
    assert not grads["box_distances"].any()


def scene_with_boxes(*boxes, classes=None):
    scene = random_scene(0, num_gt=(1,))
    boxes = torch.tensor(boxes)
    classes = torch.zeros(len(boxes), dtype=torch.long) if classes is None else classes
    return scene | {"gt_boxes": [boxes], "gt_classes": [classes]}


NOTHING = {"gt_boxes": [torch.zeros(0, 4)], "gt_classes": [torch.zeros(0, dtype=torch.long)]}


def test_box_that_covers_no_point():
    """It has no candidates, but it counts among the ground truths."""
    covering, tiny = [5.0, 5, 40, 40], [8.5, 8.5, 9.5, 9.5]
    losses, _ = assert_finite_and_attached(scene_with_boxes(covering, tiny))
    alone, _ = losses_and_gradients(scene_with_boxes(covering))
    assert losses["loss_cls_pos"] == pytest.approx(alone["loss_cls_pos"] / 2)
    assert_finite_and_attached(scene_with_boxes(tiny))


def test_one_candidate():
    """One candidate: P_neg is 1 (smallest = largest), as in the release."""
    scene = scene_with_boxes([3.0, 3, 5, 5])
    losses, grads = assert_finite_and_attached(scene)
    background = losses_and_gradients(scene | NOTHING)[0]["loss_cls_neg"]
    assert losses["loss_cls_neg"] == pytest.approx(background)
    assert losses["loss_cls_pos"] > 0
    assert grads["box_distances"].abs().sum(dim=2).count_nonzero() == 1


def test_equal_ious():
    """All candidates predict the same box: P_neg is 1 everywhere."""
    scene = scene_with_boxes([8.0, 8, 40, 40])
    grid_points = torch.tensor([p[:2] for p in oracle.points_of((64, 96), (8, 16, 32))])
    box = torch.tensor([8.0, 8, 40, 38])
    distances = torch.cat((grid_points - box[:2], box[2:] - grid_points), dim=1)[None]
    losses, _ = assert_finite_and_attached(scene | {"box_distances": distances})
    background = losses_and_gradients(scene | NOTHING)[0]["loss_cls_neg"]
    assert losses["loss_cls_neg"] == pytest.approx(background, rel=1e-4)


def test_same_box_twice():
    box = [5.0, 5, 50, 50]
    once, _ = losses_and_gradients(scene_with_boxes(box))
    twice, _ = assert_finite_and_attached(scene_with_boxes(box, box))
    assert twice == pytest.approx(once, rel=1e-6)


def test_boxes_on_the_border_and_beyond():
    scene = scene_with_boxes([0.0, 0, 96, 64], [-20.0, -20, 10, 10], [80.0, 50, 200, 100])
    losses, _ = assert_finite_and_attached(scene)
    assert losses == pytest.approx(oracle.dw_losses(**scene), rel=2e-5)


def test_crowd_of_500():
    assert_finite_and_attached(random_scene(0, num_gt=(500, 0)))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    scene = random_scene(0)
    half = scene | {name: scene[name].to(dtype) for name in INPUTS}
    expected, _ = losses_and_gradients(half | {name: half[name].float() for name in INPUTS})
    with torch.autocast("cpu", dtype=torch.bfloat16):
        losses, grads = assert_finite_and_attached(half)
    assert losses == expected
    assert grads["cls_logits"].dtype == dtype


def test_same_number_of_operations_for_7_and_500_ground_truths():
    class Counter(TorchDispatchMode):
        count = 0

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            self.count += 1
            return func(*args, **(kwargs or {}))

    counts = []
    for num_gt in (7, 500):
        scene = with_gradient(random_scene(0, num_gt=(num_gt, num_gt)))
        with Counter() as counter:
            sum(dw_losses(**scene).values()).backward()
        counts.append(counter.count)
    assert counts[0] == counts[1] > 50


def test_import_pulls_in_torch_only():
    code = (
        "import sys; import dual_weighting.functional; "
        "bad = {'torchvision', 'detectron2', 'fvcore', 'cv2', 'omegaconf', 'pycocotools', "
        "'sklearn', 'matplotlib'} & set(sys.modules); sys.exit(f'imported {bad}' if bad else 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


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
def test_errors(change, message):
    with pytest.raises(ValueError, match=message):
        dw_losses(**(random_scene(0) | change))
