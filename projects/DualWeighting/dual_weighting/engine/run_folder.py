"""The output folder of a run: files, lock and checkpoints."""

import json
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from dual_weighting.data.checks.value_types import is_whole
from dual_weighting.utils.atomic_file import atomic_file
from dual_weighting.utils.errors import UserError

FINAL = "model_final.pth"
LOCK = ".lock"


def check_writable(folder: str) -> None:
    """Create the folder if needed; raise `UserError` unless files can be written into it."""
    try:
        os.makedirs(folder, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise UserError(
            f"train.output_dir={folder} cannot be written ({error.strerror}): name another folder."
        ) from error


@contextmanager
def claimed(folder: str) -> Iterator[None]:
    """Lock the folder against other trainings until this process exits, in whatever way.

    Raises:
        UserError: another process holds the lock.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    with open(os.path.join(folder, LOCK), "a+") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            raise UserError(
                f"Another training (process {file.read() or 'unknown'}) writes to {folder}: wait "
                "until it ends, or choose another train.output_dir."
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def cut_metrics(metrics_json: str | Path, *, start_iter: int) -> None:
    """Drop the lines from iteration `start_iter` on, which a resumed run writes again, and any line
    that a killed run left incomplete. Does nothing without a file."""
    path = Path(metrics_json)
    if not path.is_file():
        return
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    with atomic_file(path, "w") as file:
        file.writelines(line for line in lines if _iteration(line) < start_iter)


def put_aside(path: str | Path) -> bool:
    """Rename the file at `path` to `path`.bak and return whether it existed."""
    if not os.path.isfile(path):
        return False
    os.replace(path, f"{path}.bak")
    return True


def _iteration(line: str) -> float:
    """The iteration of a complete line; infinity for an incomplete one."""
    try:
        iteration = json.loads(line)["iteration"] if line.endswith("\n") else None
    except (ValueError, LookupError, RecursionError, TypeError):
        iteration = None
    return iteration if is_whole(iteration) else float("inf")


def config_of_run(folder: Path) -> str:
    """The config file saved by the training, with the overrides of its command line."""
    if not folder.is_dir():
        raise UserError(
            f"The folder {folder} does not exist: give the output folder of a training."
        )
    file = folder / "config.yaml"
    if not file.is_file():
        raise UserError(
            f"{folder} holds no config.yaml: give the output folder of a training, or a config."
        )
    return str(file)


def checkpoint_of_run(folder: Path, name: str = FINAL) -> Path:
    """The path of the checkpoint `name`; raises `UserError` with the available names."""
    if not folder.is_dir():
        raise UserError(f"The folder {folder} does not exist.")
    if not (folder / name).is_file():
        names = sorted(file.name for file in folder.glob("*.pth"))
        raise UserError(
            f"{folder} holds no checkpoint {name}, "
            + (f"only {', '.join(names)}." if names else "nor any other.")
        )
    return folder / name


def checkpoints_after(folder: Path, iterations: Sequence[int]) -> list[Path]:
    """The checkpoints saved after these numbers of iterations."""
    found = {}
    for file in folder.glob("model_*.pth"):
        if match := re.fullmatch(r"model_(\d+)\.pth", file.name):
            found[int(match[1]) + 1] = file  # the name has the number of the last iteration, from 0
    missing = [count for count in iterations if count not in found]
    if missing:
        there = f"only of these: {', '.join(map(str, sorted(found)))}" if found else "nor of others"
        raise UserError(
            f"{folder} holds no checkpoint of {missing[0]} iterations, {there}; "
            "without --iterations model_final.pth is drawn."
        )
    return [found[count] for count in iterations]
