"""Damaged checkpoints: refused in one sentence, or loaded as they were written."""

import collections
import io
import pickle
import struct

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from dual_weighting.checkpoint import Checkpointer
from dual_weighting.checkpoint.convert.conversion import read_foreign_weights
from dual_weighting.utils.errors import UserError, sentence

from .damage import spoilt_bytes

WEIGHTS = {"weight": torch.arange(6.0).reshape(3, 2), "bias": torch.arange(3.0)}
WRONG = {
    "nothing": None,
    "a number": 5,
    "text": "weights",
    "a list": [1, 2],
    "a tensor": torch.zeros(3),
    "weights that are text": {"model": {"weight": "1", "bias": "2"}},
    "weights that are nothing": {"model": None},
    "a model that is a list": {"model": [torch.zeros(2)]},
    "no weights": {"model": {}},
    "names that are numbers": {"model": {1: torch.zeros(3), 2: torch.zeros(3)}},
    "weights in lists": {"model": {"weight": [[1.0, 2.0]] * 3, "bias": [1.0] * 3}},
    "another shape": {"model": {"weight": torch.zeros(2, 3), "bias": torch.zeros(1)}},
    "no dimensions": {"model": {"weight": torch.tensor(1.0), "bias": torch.tensor(1.0)}},
    "complex numbers": {"model": {k: x.to(torch.complex64) for k, x in WEIGHTS.items()}},
    "sparse weights": {"model": {k: x.to_sparse() for k, x in WEIGHTS.items()}},
    "another model": {"model": {"encoder.weight": torch.zeros(3, 2)}},
    "nested": {"model": {"model": WEIGHTS}},
}
SOUND = {
    "half precision": {"model": {k: x.half() for k, x in WEIGHTS.items()}},
    "whole numbers": {"model": {k: x.int() for k, x in WEIGHTS.items()}},
    "more keys": {"model": WEIGHTS, "epoch": 3, "notes": ["a", None], "best": {"value": 1.0}},
    "more weights": {"model": {**WEIGHTS, "other": torch.zeros(2)}},
    "ordered": {"model": collections.OrderedDict(WEIGHTS)},
    "weights alone": dict(WEIGHTS),
}


def saved(content) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


SAVED = saved({"model": WEIGHTS, "iteration": 9})


@st.composite
def overwritten(draw):
    place = draw(st.integers(0, len(SAVED) - 1))
    other = draw(st.binary(min_size=1, max_size=9))
    return SAVED[:place] + other + SAVED[place + len(other) :]


def load(file):
    """The weights of a model that was given the file, or the sentence that refused it."""
    model = nn.Linear(2, 3)
    try:
        Checkpointer(model, complete=True).load(str(file))
    except UserError as error:
        assert ("\n" not in str(error) and file.name in str(error)) or "this config" in str(error)
        return str(error)
    return model.state_dict()


def load_foreign(file):
    try:
        return read_foreign_weights(str(file))
    except UserError as error:
        assert "\n" not in str(error) and file.name in str(error)
        return str(error)


@settings(max_examples=3 * settings.default.max_examples)
@given(content=st.one_of(overwritten(), spoilt_bytes(SAVED)))
def test_damaged_bytes(content, tmp_path_factory):
    file = tmp_path_factory.getbasetemp() / "damaged.pth"
    file.write_bytes(content)
    for found in (load(file), load_foreign(file)):
        if not isinstance(found, str):
            assert found.keys() == WEIGHTS.keys()
            assert all(torch.equal(found[name], WEIGHTS[name]) for name in WEIGHTS)


def test_one_number_that_is_another(tmp_path):
    """Loaded it would be silently wrong: torch.load does not look at the check sums."""
    place = SAVED.index(struct.pack("<6f", *range(6)))
    file = tmp_path / "changed.pth"
    file.write_bytes(SAVED[: place + 4] + struct.pack("<f", 7) + SAVED[place + 8 :])
    assert torch.load(file)["model"]["weight"][0, 1] == 7
    assert "changed.pth is not a complete checkpoint" in load(file)
    assert "changed.pth is not a complete checkpoint" in load_foreign(file)


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_no_checkpoint(kind, tmp_path):
    file = tmp_path / "wrong.pth"
    file.write_bytes(saved(WRONG[kind]))
    assert isinstance(load(file), str)
    found = load_foreign(file)
    assert isinstance(found, str) or all(map(torch.is_tensor, found.values()))


@pytest.mark.parametrize("kind", SOUND)
def test_what_is_one(kind, tmp_path):
    file = tmp_path / "sound.pth"
    file.write_bytes(saved(SOUND[kind]))
    found = load(file)
    assert all(torch.equal(found[name], WEIGHTS[name]) for name in WEIGHTS)


def test_arrays_of_text(tmp_path):
    file = tmp_path / "zoo.pkl"
    weights = {"weight": np.full((3, 2), "x"), "bias": np.zeros(3)}
    file.write_bytes(pickle.dumps({"model": weights, "__author__": "nobody"}))
    assert "'weight' does not name a tensor" in load(file)


@pytest.mark.parametrize("state", [5, None, "x", [], {}, {"param_groups": 7, "state": {}}])
def test_a_state_of_something_else(state, tmp_path):
    """What a run is to go on from has an optimizer's state that is none."""
    model = nn.Linear(2, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    Checkpointer(model, str(tmp_path)).save("model_0000009")
    torch.save({"model": WEIGHTS, "optimizer": state}, tmp_path / "model_0000009.pth")
    with pytest.raises(UserError, match=r"model_0000009.pth does not match \("):
        Checkpointer(model, str(tmp_path), optimizer=optimizer).resume_or_load("")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"nowhere.pth", b"..", b"\x00", b"a\nb"])
def test_last_checkpoint_that_names_none(content, tmp_path):
    (tmp_path / "last_checkpoint").write_bytes(content)
    with pytest.raises(UserError, match="last_checkpoint") as caught:
        Checkpointer(nn.Linear(2, 3), str(tmp_path)).resume_or_load("")
    assert "\n" not in sentence(caught.value)
