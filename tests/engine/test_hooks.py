"""Memory and files on other systems."""

import os
import resource
import sys

import pytest

from dual_weighting.engine.hooks import peak_memory_of_process
from dual_weighting.utils.atomic_file import atomic_file


@pytest.mark.parametrize(("platform", "unit"), [("linux", 1024), ("darwin", 1)])
def test_peak_memory_is_in_bytes(platform, unit, monkeypatch):
    """Linux counts in KiB, macOS in bytes."""
    monkeypatch.setattr(sys, "platform", platform)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert 0 < before * unit <= peak_memory_of_process() < 2 * before * unit


def test_windows_has_no_peak_memory(monkeypatch):
    monkeypatch.setitem(sys.modules, "resource", None)
    assert peak_memory_of_process() is None


def test_windows_does_not_open_folders(monkeypatch, tmp_path):
    def refused(path, flags):
        raise PermissionError(path)

    monkeypatch.setattr(os, "open", refused)
    with pytest.raises(PermissionError), atomic_file(tmp_path / "a.txt", "w") as file:
        file.write("a")
    monkeypatch.setattr(sys, "platform", "win32")
    with atomic_file(tmp_path / "b.txt", "w") as file:
        file.write("b")
    assert (tmp_path / "b.txt").read_text() == "b"
