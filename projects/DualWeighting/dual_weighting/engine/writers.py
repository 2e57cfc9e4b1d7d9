"""Where the numbers of a training go."""

import importlib
import json
import os
from collections import defaultdict
from pathlib import Path
from types import ModuleType

from detectron2.utils.events import (
    CommonMetricPrinter,
    EventWriter,
    TensorboardXWriter,
    get_event_storage,
)
from omegaconf import DictConfig, OmegaConf

from dual_weighting.data.checks.value_types import is_whole
from dual_weighting.utils.atomic_file import atomic_file
from dual_weighting.utils.errors import UserError


def build_writers(cfg: DictConfig) -> list[EventWriter]:
    """A line of the log, metrics.json, and what `cfg.train` says. For the main process alone."""
    output_dir = cfg.train.output_dir
    Path(output_dir).mkdir(parents=True, exist_ok=True)
    writers = [
        CommonMetricPrinter(cfg.train.max_iter),
        MetricsWriter(os.path.join(output_dir, "metrics.json")),
    ]
    if cfg.train.get("tensorboard", True):
        writers.append(TensorboardXWriter(output_dir))
    wandb = dict(cfg.train.get("wandb", {"enabled": False}))
    if wandb.pop("enabled"):
        writers.append(WandbWriter(output_dir, cfg, **wandb))
    return writers


class MetricsWriter(EventWriter):
    """Appends the scalars since the last time, with the lines in the order of their iterations.

    Detectron2's JSONWriter has them in another where a scalar was not put in every iteration.
    """

    def __init__(self, metrics_json: str | Path, window_size: int = 20) -> None:
        """`window_size`: iterations of which scalars that ask for it are the median."""
        self._file = open(metrics_json, "a", encoding="utf-8")  # noqa: SIM115
        self._window_size = window_size
        self._last_write = -1

    def write(self) -> None:
        rows: defaultdict[int, dict] = defaultdict(dict)
        latest = get_event_storage().latest_with_smoothing_hint(self._window_size)
        for name, (value, iteration) in latest.items():
            if iteration > self._last_write:
                rows[iteration][name] = value
        for iteration, row in sorted(rows.items()):
            line = json.dumps({**row, "iteration": iteration}, sort_keys=True)
            self._file.write(f"{line}\n")
            self._last_write = iteration
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


def cut_metrics(metrics_json: str | Path, *, start_iter: int) -> None:
    """Drop the lines from iteration `start_iter` on, which a resumed run will write again.

    A line that a killed run left incomplete is dropped too. Does nothing without a file.
    """
    path = Path(metrics_json)
    if not path.is_file():
        return
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    with atomic_file(path, "w") as file:
        file.writelines(line for line in lines if _iteration(line) < start_iter)


def metric_values(metrics_json: str | Path, name: str) -> list[float]:
    """The values of the metric `name`, in the order of their iterations; none without a file."""
    path = Path(metrics_json)
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    rows = [json.loads(line) for line in lines if _iteration(line) < float("inf")]
    return [row[name] for row in sorted(rows, key=lambda r: r["iteration"]) if name in row]


def put_aside(path: str | Path) -> bool:
    """Rename the file at `path` to `path`.bak; whether there was one."""
    if not os.path.isfile(path):
        return False
    os.replace(path, f"{path}.bak")
    return True


def _iteration(line: str) -> float:
    """The iteration of a complete line, infinity for an incomplete one."""
    try:
        iteration = json.loads(line)["iteration"] if line.endswith("\n") else None
    except (ValueError, LookupError, RecursionError, TypeError):
        iteration = None
    return iteration if is_whole(iteration) else float("inf")


RUN_ID = "wandb_run_id"


class WandbWriter(EventWriter):
    """Sends all scalars. A resumed training goes on in its old run, whose id its folder keeps."""

    def __init__(
        self,
        output_dir: str,
        cfg: DictConfig,
        *,
        window_size: int = 20,
        **options: str | None,
    ) -> None:
        """
        Args:
            cfg: shown with the run.
            window_size: iterations over which noisy scalars are median-smoothed.
            options: of `wandb.init`: project, entity, name, mode. None is its default.
        """
        wandb = import_wandb()
        id_file = Path(output_dir, RUN_ID)
        known = id_file.read_text(encoding="utf-8") if id_file.is_file() else None
        config = json.loads(json.dumps(OmegaConf.to_container(cfg, resolve=True), default=str))
        options = {name: value for name, value in options.items() if value is not None}
        try:
            self._run = wandb.init(
                dir=output_dir, config=config, id=known, resume="allow", **options
            )
        except Exception as error:  # of many kinds: no account, no network, a wrong name
            raise UserError(
                f"Weights & Biases does not start ({' '.join(str(error).split())}): "
                "run `wandb login`, or set train.wandb.mode=offline."
            ) from error
        with atomic_file(id_file, "w") as file:
            file.write(self._run.id)
        self._run.define_metric("*", step_metric="iteration")
        self._window_size = window_size
        self._last_write = -1

    def write(self) -> None:
        rows: dict[int, dict[str, float]] = {}
        scalars = get_event_storage().latest_with_smoothing_hint(self._window_size)
        for name, (value, iteration) in scalars.items():
            if iteration > self._last_write:
                rows.setdefault(iteration, {})[name] = value
        for iteration, row in sorted(rows.items()):
            self._run.log({**row, "iteration": iteration})
        self._last_write = max(rows, default=self._last_write)

    def close(self) -> None:
        self._run.finish()


def import_wandb() -> ModuleType:
    """The package, which is an extra; `UserError` where it is not installed."""
    try:
        return importlib.import_module("wandb")
    except ImportError as error:
        raise UserError(
            "train.wandb.enabled=True needs the package wandb: "
            "run `pip install wandb`, or set train.wandb.enabled=False."
        ) from error
