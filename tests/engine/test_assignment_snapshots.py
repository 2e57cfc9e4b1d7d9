from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from tiny_detector import tiny_detector, tiny_fcos, training_image

from dual_weighting.engine.assignment_snapshots import (
    AssignmentSnapshots,
    build_snapshots,
    same_random_numbers,
    snapshot_steps,
)
from dual_weighting.visualization import assignment


def test_steps_are_spread_evenly():
    assert snapshot_steps(4, 100) == {1, 34, 67, 100}
    assert snapshot_steps(2, 100) == {1, 100}
    assert snapshot_steps(1, 100) == {100}
    assert snapshot_steps(4, 2) == {1, 2}


@pytest.fixture
def hook(tmp_path):
    detector = tiny_detector().train()
    detector.backbone.eval()
    image = training_image([[4, 4, 40, 50], [50, 10, 60, 20], [0, 0, 30, 30]], [0, 1, 2])
    mapped = image | {"image_id": 7, "file_name": "a/b.jpg"}
    names = {"number": 2, "image_format": "RGB", "classes": ["cat", "dog", "cow"]}
    hook = AssignmentSnapshots(detector, mapped, tmp_path / "a", **names)
    hook.trainer = SimpleNamespace(iter=0, start_iter=0, max_iter=3)
    return hook


def test_pictures_of_the_first_and_the_last_step(hook):
    hook.folder.mkdir()
    (hook.folder / "iteration_0000002.png").write_text("of an earlier run")
    hook.before_train()
    for hook.trainer.iter in range(3):
        hook.after_step()
    files = sorted(file.name for file in hook.folder.iterdir())
    assert files == ["iteration_0000001.png", "iteration_0000003.png"]
    assert cv2.imread(str(hook.folder / files[0])).std() > 10


def test_a_resumed_run_keeps_its_pictures(hook):
    hook.folder.mkdir()
    (hook.folder / "iteration_0000001.png").write_text("")
    hook.trainer.start_iter = 2
    hook.before_train()
    assert (hook.folder / "iteration_0000001.png").is_file()


def test_nothing_of_the_training_changes(hook):
    detector = hook.detector
    before = {name: value.clone() for name, value in detector.state_dict().items()}
    random = torch.get_rng_state()
    hook.draw(1)
    assert detector.training and detector.head.training and not detector.backbone.training
    assert all((value == before[name]).all() for name, value in detector.state_dict().items())
    assert all(p.grad is None for p in detector.parameters())
    assert (torch.get_rng_state() == random).all()


def test_random_numbers_go_on():
    np.random.seed(0)
    torch.manual_seed(0)
    expected = np.random.rand(), float(torch.rand(()))
    np.random.seed(0)
    torch.manual_seed(0)
    with same_random_numbers():
        np.random.rand(), torch.rand(5)
    assert (np.random.rand(), float(torch.rand(()))) == expected


@pytest.mark.parametrize(("number", "detector"), [(0, tiny_detector), (4, tiny_fcos)])
def test_none_without_the_option_or_a_scheme(number, detector):
    cfg = OmegaConf.create({"train": {"assignment_snapshots": number}})
    assert build_snapshots(cfg, detector(), loader=None) is None


def test_pictures_name_file_and_class(hook, monkeypatch):
    drawn = []
    monkeypatch.setattr(assignment, "draw_assignment", lambda rows, **to: drawn.append((rows, to)))
    hook.draw(1)
    ((rows, to),) = drawn
    assert to["title"] == "b.jpg, image 7"
    assert [row.title.split(", ")[1:] for row in rows] == [["object 0", "cat"], ["object 1", "dog"]]
