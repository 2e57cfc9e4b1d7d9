"""What the benchmark compares computes the same."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from benchmarks import crowds, step
from benchmarks.losses import METHODS
from scenes import random_scene, with_gradient

from dual_weighting import model_zoo


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("method", METHODS)
def test_both_formulations_agree(method, seed):
    results = []
    for losses in METHODS[method].values():
        scene = with_gradient(random_scene(seed))
        values = losses(**scene)
        sum(values.values()).backward()
        results.append((values, scene["cls_logits"].grad, scene["box_distances"].grad))
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_training_step(monkeypatch, capsys):
    """One row a model, the first compared with itself."""
    digits = (model_zoo, "Digits/dw_R_18_FPN.py")
    monkeypatch.setattr(step, "MODELS", {"one": digits, "two": digits})
    monkeypatch.setattr(step, "peak_memory", lambda *args: 2**20)
    monkeypatch.setattr(step, "ProcessPoolExecutor", ThreadPool)
    step.run(num_classes=10, image_size=(64, 96), repeats=1, device=torch.device("cpu"))
    rows = [line.split("│")[1:-1] for line in capsys.readouterr().out.splitlines() if "MiB" in line]
    assert [row[0].strip() for row in rows] == ["one", "two"]
    assert rows[0][3].strip() == "1.000 x" and rows[0][4].strip() == "1 MiB"


class ThreadPool(ThreadPoolExecutor):
    """Of one thread, in the place of a pool of processes."""

    def __init__(self, count, context, **kwargs):
        super().__init__(count)


def test_crowds(monkeypatch, capsys):
    """What 5 objects take beyond one."""
    peaks = {1: (10 * 2**20, 1.0), 5: (13 * 2**20, 1.5)}
    monkeypatch.setattr(crowds, "measure", lambda config, num_gt, settings: peaks[num_gt])
    monkeypatch.setattr(crowds, "ProcessPoolExecutor", ThreadPool)
    monkeypatch.setattr(crowds, "CONFIGS", ("one.py",))
    crowds.run(num_gts=(5,), device=torch.device("cpu"))
    (row,) = [line for line in capsys.readouterr().out.splitlines() if "one.py" in line]
    assert [cell.strip() for cell in row.split("│")[2:4]] == ["10 MiB, 1.00 s", "+3 MiB, +0.50 s"]


def test_masks_of_the_crowds():
    """The masks of the benchmark fill their boxes."""
    masks = crowds.rectangle_masks(torch.tensor([[2.0, 3, 6, 8]]))
    assert masks.area().tolist() == [20.0]
