import os
import pickle
import signal

import numpy as np
import pytest
import torch
from torch import nn

from dual_weighting.checkpoint import Checkpointer
from dual_weighting.utils.atomic_file import atomic_file
from dual_weighting.utils.errors import UserError


def saved(folder, name="model_0000009", **extra):
    model = nn.Linear(2, 3)
    Checkpointer(model, str(folder)).save(name, **extra)
    return model, folder / f"{name}.pth"


def sentence_of(path, model=None, save_dir=""):
    with pytest.raises(UserError) as error:
        Checkpointer(model or nn.Linear(2, 3), str(save_dir)).load(str(path))
    message = str(error.value)
    assert "\n" not in message
    return message


def test_saving_and_loading(tmp_path):
    model, _ = saved(tmp_path, iteration=9)
    other = nn.Linear(2, 3)
    rest = Checkpointer(other, str(tmp_path)).resume_or_load("", resume=True)
    assert rest["iteration"] == 9
    assert torch.equal(other.weight, model.weight)
    assert sorted(os.listdir(tmp_path)) == ["last_checkpoint", "model_0000009.pth"]


def test_nothing_to_load_is_no_error(tmp_path):
    for path in ("", None):
        assert Checkpointer(nn.Linear(2, 3), str(tmp_path)).load(path) == {}


def test_exception_while_writing_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic_file(path, "w") as file:
        file.write("new")
        raise RuntimeError
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["file"]


def test_being_killed_while_writing_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    child = os.fork()
    if child == 0:
        with atomic_file(path, "w") as file:
            file.write("new")
            file.flush()
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert path.read_text() == "old"
    assert (tmp_path / "file.partial").read_text() == "new"
    Checkpointer(nn.Linear(2, 3), str(tmp_path)).remove_partial_files()
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("stage", ["weights", "last_checkpoint"])
def test_killed_at_either_file_the_older_checkpoint_is_resumed(tmp_path, monkeypatch, stage):
    """The process stops (here: by an exception) just before a file gets its name."""
    older, _ = saved(tmp_path, "model_0000009", iteration=9)
    replace = os.replace

    def stop(source, target):
        if (stage == "weights") == str(target).endswith(".pth"):
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, "replace", stop)
    with pytest.raises(KeyboardInterrupt):
        saved(tmp_path, "model_0000019", iteration=19)
    monkeypatch.undo()
    model = nn.Linear(2, 3)
    assert Checkpointer(model, str(tmp_path)).resume_or_load("")["iteration"] == 9
    assert torch.equal(model.weight, older.weight)


@pytest.mark.parametrize("part", [0.0, 0.01, 0.3, 0.6, 0.9, 0.99])
def test_truncated_file(tmp_path, part):
    _, path = saved(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    assert f"{path} is not a complete checkpoint" in sentence_of(path)


def test_files_that_are_no_checkpoints(tmp_path):
    text, numbers, empty = (tmp_path / name for name in ("text.pth", "list.pth", "empty.pkl"))
    text.write_text("<html>not found</html>")
    torch.save([1, 2, 3], numbers)
    empty.write_bytes(pickle.dumps({"model": {}, "__author__": "nobody"}))
    for path in (text, numbers, empty):
        assert f"{path} is not a complete checkpoint" in sentence_of(path)


class Anything:
    """Not a tensor, so not to be unpickled."""


def test_file_that_needs_more_than_weights_is_refused(tmp_path):
    torch.save({"model": nn.Linear(2, 3).state_dict(), "extra": Anything()}, tmp_path / "a.pth")
    message = sentence_of(tmp_path / "a.pth")
    assert "a.pth is refused" in message and "more than weights" in message


def test_pickles_of_the_model_zoo(tmp_path):
    """Arrays are loaded; what would run code when it is loaded is not."""
    weights = {"weight": np.ones((3, 2), dtype=np.float32), "bias": np.zeros(3, dtype=np.float32)}
    path, model = tmp_path / "zoo.pkl", nn.Linear(2, 3)
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        nn.init.zeros_(model.weight)
        path.write_bytes(pickle.dumps({"model": weights, "__author__": "zoo"}, protocol))
        Checkpointer(model).load(str(path))
        assert (model.weight == 1).all()
    path.write_bytes(pickle.dumps({"model": weights, "__author__": os.system}))
    assert "zoo.pkl is refused" in sentence_of(path)


def test_missing_file(tmp_path):
    assert "nowhere.pth does not exist: check its path" in sentence_of(tmp_path / "nowhere.pth")


def test_last_checkpoint_names_a_missing_file(tmp_path):
    _, path = saved(tmp_path)
    path.unlink()
    with pytest.raises(UserError, match="write the name of another one into"):
        Checkpointer(nn.Linear(2, 3), str(tmp_path)).resume_or_load("", resume=True)


def test_weights_of_another_model(tmp_path):
    _, path = saved(tmp_path)
    for other in (nn.Linear(4, 4), nn.Conv2d(1, 1, 1), nn.Sequential(nn.Linear(2, 3))):
        message = sentence_of(path, other)
        assert (
            "lacks 2 of the model's 2 parameters" in message and "belongs to this config" in message
        )


def test_weights_of_a_part(tmp_path):
    """Enough to begin a training with, not to evaluate."""
    model, path = nn.Linear(2, 3), str(tmp_path / "part.pth")
    torch.save({"weight": torch.ones(3, 2)}, path)
    Checkpointer(model).load(path)
    assert (model.weight == 1).all()
    with pytest.raises(UserError, match=r"lacks 1 of the model's 2 parameters .* for example bias"):
        Checkpointer(model, complete=True).load(path)
