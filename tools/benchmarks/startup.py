"""How long imports take, and commands until they answer."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.markdown import markdown_table

HEADING = "Imports and start of the commands"
QUICK = {"repeats": 1, "limit": 2}
TOOLS = Path(__file__).resolve().parents[1]
IMPORTS = (
    "torch",
    "detectron2",
    "detectron2.modeling",
    "dual_weighting",
    "dual_weighting.functional",
    "dual_weighting.engine",
)
CONFIG = "configs/Digits/dw_R_18_FPN.py"


def seconds(command: list[str], *, first_line: bool = False) -> float:
    """Until a command ends, or writes its first line and is ended."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    start = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, *command],
        cwd=TOOLS.parent,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        if first_line:
            line = process.stdout.readline()
            found = time.perf_counter() - start
            process.terminate()
            ok = bool(line)
        else:
            process.communicate()
            found = time.perf_counter() - start
            ok = process.returncode == 0
    if not ok:
        raise RuntimeError(f"`python {' '.join(command)}` failed")
    return found


def run(*, repeats: int = 2, limit: int | None = None) -> dict:
    """The fastest of some starts of each; `limit`: so many of each kind, for a trial."""
    tools = sorted(file.name for file in TOOLS.glob("*.py"))
    helps = {f"tools/{name} --help": [f"tools/{name}", "--help"] for name in tools[:limit]}
    imports = {f"import {name}": ["-c", f"import {name}"] for name in IMPORTS[:limit]}
    imports = {"python alone": ["-c", ""], **imports}
    with tempfile.TemporaryDirectory() as folder:
        train = ["tools/train_net.py", "--config-file", CONFIG, f"train.output_dir={folder}/run"]
        commands = {**imports, **helps}
        found = {
            name: min(seconds(command) for _ in range(repeats))
            for name, command in commands.items()
        }
        found[f"tools/train_net.py --config-file {CONFIG}, until its first line"] = min(
            seconds(train, first_line=True) for _ in range(repeats)
        )
    return {"seconds": found, "repeats": repeats}


def table(result: dict) -> str:
    rows = [(f"`{name}`", f"{value:.2f} s") for name, value in result["seconds"].items()]
    about = (
        f"Whole processes, the fastest of {result['repeats']}, with the files compiled and in the "
        "memory of the system."
    )
    return f"{about}\n\n{markdown_table(('', 'seconds'), rows)}".replace(
        ", until its first line`", "`, until its first line"
    )
