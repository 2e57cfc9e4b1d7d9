import ctypes
import sys
from types import SimpleNamespace

import pytest

from dual_weighting.engine.freed_memory import keep_freed_memory

LIMIT = 1234567


@pytest.fixture
def calls(monkeypatch):
    made = []
    library = SimpleNamespace(mallopt=lambda *option: made.append(option) or 1)
    monkeypatch.setattr(ctypes, "CDLL", lambda name: library)
    return made


def test_sets_both_thresholds(calls, monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    assert keep_freed_memory(LIMIT)
    assert calls == [(-3, 2**25), (-1, LIMIT)]


def test_leaves_other_systems_alone(calls, monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not keep_freed_memory(LIMIT)
    assert calls == []


def test_c_library_without_the_option(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda name: SimpleNamespace())
    assert not keep_freed_memory(LIMIT)
