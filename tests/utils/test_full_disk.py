"""Files that cannot grow: the limit of the process is one, /dev/full another."""

import os
import re
import resource
from contextlib import contextmanager

import pytest
import torch
from torch import nn

from dual_weighting.checkpoint import Checkpointer
from dual_weighting.utils.atomic_file import atomic_file, full_disk_error
from dual_weighting.utils.errors import UserError


@contextmanager
def largest_file(size):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def check_the_older_is_there(folder, older):
    assert sorted(os.listdir(folder)) == ["last_checkpoint", "model_0000009.pth"]
    model = nn.Linear(2, 3)
    assert Checkpointer(model, str(folder)).resume_or_load("")["iteration"] == 9
    assert torch.equal(model.weight, older.weight)


def test_weights_that_find_no_room(tmp_path):
    older = nn.Linear(2, 3)
    Checkpointer(older, str(tmp_path)).save("model_0000009", iteration=9)
    with pytest.raises(UserError) as error, largest_file(5000):
        Checkpointer(nn.Linear(100, 100), str(tmp_path)).save("model_0000019", iteration=19)
    expected = r"model_0000019\.pth could not be written: File too large \([\d.]+ MB are free in "
    assert re.search(f"^{tmp_path}/{expected}{tmp_path}\\)", str(error.value))
    assert "\n" not in str(error.value) and "--resume" in str(error.value)
    check_the_older_is_there(tmp_path, older)


def test_the_name_of_the_last_finds_no_room(tmp_path):
    """The weights are written; the name that tells of them is not."""
    older = nn.Linear(2, 3)
    Checkpointer(older, str(tmp_path)).save("model_0000009", iteration=9)
    (tmp_path / "last_checkpoint.partial").symlink_to("/dev/full")
    with pytest.raises(UserError, match=r"last_checkpoint could not be written: No space left on"):
        Checkpointer(nn.Linear(2, 3), str(tmp_path)).save("model_0000019", iteration=19)
    (tmp_path / "model_0000019.pth").unlink()
    check_the_older_is_there(tmp_path, older)


def test_other_errors_are_not_taken_for_it(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_file(tmp_path / "none" / "a", "w"):
        pass
    assert full_disk_error(FileNotFoundError(2, "")) is None
