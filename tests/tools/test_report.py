"""tools/report.py on folders without anything but a config."""

import sys

import pytest
from commands.tiny_project import write_tiny_project
from detectron2.config import LazyConfig

from dual_weighting.cli import report
from dual_weighting.cli.command import run_command
from dual_weighting.cli.report import report_command


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("reports")
    config = LazyConfig.load(str(write_tiny_project(root, name="tiny_report")))
    for name in ("a", "b"):
        (root / name).mkdir()
        LazyConfig.save(config, str(root / name / "config.yaml"))
    return root


def call(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["report.py", *map(str, arguments)])
    run_command(report_command, report.parse_arguments())


def test_one_run(folders, monkeypatch, capsys):
    call(monkeypatch, folders / "a")
    assert capsys.readouterr().out == f"Report: {folders / 'a' / 'report.html'}\n"
    assert "has not been evaluated" in (folders / "a" / "report.html").read_text()


def test_several_runs(folders, monkeypatch, capsys):
    output = folders / "new" / "both.html"
    call(monkeypatch, folders / "a", folders / "b", folders / "a", "--output", output)
    assert capsys.readouterr().out.splitlines()[-1] == f"Comparison: {output}"
    assert "2 runs" in output.read_text()


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (["nowhere"], "There is no folder nowhere: give the output folder of a training."),
        (["."], "holds no config.yaml: give the output folder of a training"),
        (["a", "--output", "b"], "--output b is a folder: name a file"),
    ],
)
def test_errors_are_one_sentence(folders, monkeypatch, capsys, arguments, sentence):
    monkeypatch.chdir(folders)
    with pytest.raises(SystemExit):
        call(monkeypatch, *arguments)
    assert sentence in capsys.readouterr().err
