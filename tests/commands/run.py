"""Starting the commands of tools/ and reading what they print."""

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from unittest.mock import patch

HERE = Path(__file__).parent
TRAIN_NET = HERE.parents[1] / "tools" / "train_net.py"


def start(script: Path, *args: object, **environment: str) -> subprocess.Popen:
    """Start `python script args` with one thread, its output to be read as text.

    `environment`: on top of that of the tests; its PYTHONPATH comes before theirs.
    """
    paths = environment.get("PYTHONPATH"), os.environ.get("PYTHONPATH")
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    return subprocess.Popen(
        [sys.executable, str(script), *map(str, args)],
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def command(*args: object, script: Path = TRAIN_NET, **environment: str):
    """Run a command to its end, in three minutes at most."""
    process = start(script, *args, **environment)
    stdout, stderr = process.communicate(timeout=180)
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def run_here(tool: ModuleType, *args: object) -> subprocess.CompletedProcess:
    """Run a command of `dual_weighting.cli` in this process, which has loaded torch already."""
    argv, out, err, code = [str(tool.__file__), *map(str, args)], io.StringIO(), io.StringIO(), 0
    with (
        patch.object(sys, "argv", argv),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            tool.main()
        except SystemExit as ended:
            code = ended.code
    return subprocess.CompletedProcess(argv, code, out.getvalue(), err.getvalue())
