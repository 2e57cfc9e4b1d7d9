"""The runs of a comparison."""

import ctypes
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dual_weighting.config.load import load_config
from dual_weighting.report.run import get, read_metrics
from dual_weighting.utils.atomic_file import atomic_file
from dual_weighting.utils.errors import UserError


@dataclass(frozen=True)
class Run:
    """One config trained with one seed.

    Attributes:
        config_file: path of the LazyConfig.
        seed: for all random number generators.
        overrides: "key=value" arguments, the same for all runs of a comparison.
        folder: output folder.
        num_iter: length of training in iterations.
    """

    config_file: str
    seed: int
    overrides: tuple[str, ...]
    folder: Path
    num_iter: int

    @property
    def name(self) -> str:
        """Name of the config."""
        return Path(self.config_file).stem

    @property
    def settings(self) -> dict:
        """The settings that a finished run must share to be reused."""
        return {
            "config_file": self.config_file,
            "seed": self.seed,
            "overrides": list(self.overrides),
            "num_iter": self.num_iter,
        }

    @property
    def _settings_file(self) -> Path:
        return self.folder / "run.json"

    @property
    def log_file(self) -> Path:
        return self.folder / "console.txt"

    def is_done(self) -> bool:
        """Whether training and the final evaluation have finished."""
        return self._last == self.num_iter and (self.folder / "evaluation.json").is_file()

    def iteration(self) -> int:
        """Number of iterations in its metrics."""
        return min(self._last + 1, self.num_iter)

    @property
    def _last(self) -> int:
        metrics = get(lambda: read_metrics(self.folder / "metrics.json"), {})
        return max((int(iterations[-1]) for iterations, _ in metrics.values()), default=-1)

    def last_words(self) -> str:
        """Last line of its console output."""
        lines = (
            self.log_file.read_text(errors="replace").split("\n") if self.log_file.is_file() else []
        )
        return next((line.strip() for line in reversed(lines) if line.strip()), "nothing was said")

    def check_settings(self) -> None:
        """Raise `UserError` if the folder contains a run with other settings."""
        if not self._settings_file.is_file():
            return
        try:
            found = dict(json.loads(self._settings_file.read_text()))
        except (TypeError, ValueError) as error:
            raise UserError(f"{self._settings_file} is damaged: delete its folder.") from error
        different = [key for key, value in self.settings.items() if found.get(key) != value]
        if different:
            raise UserError(
                f"{self.folder} contains a run with other values of {' and '.join(different)} "
                f"({', '.join(str(found.get(key)) for key in different)}): use the same values, or "
                "another --output."
            )

    def start(
        self, command: Sequence[str], *, slot: int, num_threads: int, num_gpus: int
    ) -> subprocess.Popen:
        """Start or resume training in a process of its own.

        Args:
            command: the training command, with the options of tools/train_net.py.
            slot: index among the concurrent processes, which selects the GPU.
            num_threads: threads of the process on a CPU.
            num_gpus: GPUs of this machine.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with atomic_file(self._settings_file, "w") as file:
            json.dump(self.settings, file, indent=2)
        environment = os.environ | {"OMP_NUM_THREADS": str(num_threads)}
        if num_gpus > 1:
            environment["CUDA_VISIBLE_DEVICES"] = str(slot % num_gpus)
        arguments = (
            *("--config-file", self.config_file),
            *(["--resume"] if (self.folder / "last_checkpoint").is_file() else []),
            *self.overrides,
            *(f"train.seed={self.seed}", f"train.output_dir={self.folder}"),
        )
        with self.log_file.open("a") as log:
            return subprocess.Popen(
                [*command, *arguments],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,
            )


def _end_with_parent() -> None:
    """Make this process receive SIGTERM when its parent is killed."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def plan_runs(
    config_files: Sequence[str], seeds: Sequence[int], overrides: Sequence[str], output_dir: Path
) -> list[Run]:
    """All configs with all seeds, ordered by seed, so that every config has results early.

    Raises:
        UserError: a config or override is invalid, two configs have the same name, or a folder
            contains a run with other settings.
    """
    names = [Path(config_file).stem for config_file in config_files]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UserError(f"Two configs are named {twice[0]}: rename one of the files.")
    num_iter = {
        config_file: load_config(config_file, overrides).train.max_iter
        for config_file in config_files
    }
    runs = [
        Run(
            config_file,
            seed,
            tuple(overrides),
            output_dir / name / f"seed_{seed}",
            num_iter[config_file],
        )
        for seed in seeds
        for name, config_file in zip(names, config_files, strict=True)
    ]
    for run in runs:
        run.check_settings()
    return runs
