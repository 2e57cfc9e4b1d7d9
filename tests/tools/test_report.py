"""tools/report.py on folders without anything but a config."""

import pytest
from commands.run import run_here
from commands.tiny_project import write_tiny_project
from detectron2.config import LazyConfig

from dual_weighting.cli import report


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("reports")
    config = LazyConfig.load(str(write_tiny_project(root, name="tiny_report")))
    for name in ("a", "b"):
        (root / name).mkdir()
        LazyConfig.save(config, str(root / name / "config.yaml"))
    return root


def test_one_run(folders):
    file = folders / "a" / "report.html"
    assert run_here(report, folders / "a").stdout == f"Report: {file}\n"
    assert "has not been evaluated" in file.read_text()


def test_several_runs(folders):
    runs, output = (folders / "a", folders / "b", folders / "a"), folders / "new" / "both.html"
    printed = run_here(report, *runs, "--output", output).stdout
    assert printed.splitlines()[-1] == f"Comparison: {output}"
    assert "2 runs" in output.read_text()


@pytest.mark.parametrize(
    "arguments, fact",
    [
        (["nowhere"], "nowhere"),
        (["."], "config.yaml"),
        (["a", "--output", "b"], "--output b"),
    ],
)
def test_errors(folders, monkeypatch, arguments, fact):
    monkeypatch.chdir(folders)
    result = run_here(report, *arguments)
    assert result.returncode == 1 and fact in result.stderr
