import sys

import pytest

from dual_weighting.cli import prepare_digits
from dual_weighting.cli.command import run_command


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["prepare_digits.py", *map(str, arguments)])
    run_command(prepare_digits.prepare_digits, prepare_digits.parse_arguments())


def test_command_says_what_it_wrote(monkeypatch, tmp_path, capsys):
    arguments = ["--root", tmp_path / "digits", "--num-train", 8, "--num-val", 1]
    run(monkeypatch, *arguments)
    captured = capsys.readouterr()
    assert f"Wrote 8 training and 1 validation scenes to {tmp_path / 'digits'}" in captured.out
    assert "Digits, train scenes: 4 of 8" in captured.err
    assert len(list((tmp_path / "digits" / "train").iterdir())) == 8
    run(monkeypatch, *arguments)
    captured = capsys.readouterr()
    assert "already complete, nothing to write" in captured.out
    assert not captured.err


def test_default_root(monkeypatch):
    monkeypatch.setenv("DETECTRON2_DATASETS", "/data")
    monkeypatch.setattr(sys, "argv", ["prepare_digits.py"])
    assert str(prepare_digits.parse_arguments().root) == "/data/digits"


def test_error_is_one_sentence(monkeypatch, tmp_path, capsys):
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit) as caught:
        run(monkeypatch, "--root", tmp_path / "file" / "digits")
    assert caught.value.code == 1
    assert capsys.readouterr().err.count("\n") == 1
