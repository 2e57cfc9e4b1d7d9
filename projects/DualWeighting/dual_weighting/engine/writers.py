"""Writers of training metrics."""

import importlib
import json
import os
from pathlib import Path
from types import ModuleType

from detectron2.config import instantiate
from detectron2.utils.events import (
    CommonMetricPrinter,
    EventWriter,
    JSONWriter,
    TensorboardXWriter,
)
from omegaconf import DictConfig, OmegaConf

from dual_weighting.utils.atomic_file import atomic_file
from dual_weighting.utils.errors import UserError

RUN_ID = "wandb_run_id"


def build_writers(cfg: DictConfig) -> list[EventWriter]:
    """The console log, metrics.json, and the writers set in `cfg.train`. Main process only."""
    output_dir = cfg.train.output_dir
    Path(output_dir).mkdir(parents=True, exist_ok=True)
    writers = [
        CommonMetricPrinter(cfg.train.max_iter),
        JSONWriter(os.path.join(output_dir, "metrics.json")),
    ]
    wandb = option(cfg, "wandb")
    if wandb is not None:  # before TensorBoard, which it syncs
        writers.append(WandbWriter(output_dir, cfg, **wandb))
    if cfg.train.tensorboard or wandb is not None:
        writers.append(TensorboardXWriter(output_dir))
    return [*writers, *instantiate(cfg.train.writers)]


def option(cfg: DictConfig, name: str) -> dict | None:
    """The settings in `cfg.train.NAME` without `enabled`, or None if it is disabled."""
    settings = dict(cfg.train[name])
    return settings if settings.pop("enabled") else None


class WandbWriter(EventWriter):
    """Syncs TensorBoard to Weights & Biases. Create it before TensorBoard's first write.

    The output folder keeps the id of the run, which `--resume` continues.
    """

    def __init__(self, output_dir: str, cfg: DictConfig, **options: str | None) -> None:
        """
        Args:
            cfg: saved with the run.
            options: project, entity, name and mode of `wandb.init`; None is its default.
        """
        wandb = import_wandb()
        id_file = Path(output_dir, RUN_ID)
        known = id_file.read_text(encoding="utf-8") if id_file.is_file() else None
        config = json.loads(json.dumps(OmegaConf.to_container(cfg, resolve=True), default=str))
        options = {name: value for name, value in options.items() if value is not None}
        options |= {"id": known, "resume": "allow", "sync_tensorboard": True}
        try:
            self._run = wandb.init(dir=output_dir, config=config, **options)
        except Exception as error:  # no account, no network, an invalid name, ...
            raise UserError(
                f"Weights & Biases does not start ({' '.join(str(error).split())}): "
                "run `wandb login`, or set train.wandb.mode=offline."
            ) from error
        with atomic_file(id_file, "w") as file:
            file.write(self._run.id)

    def write(self) -> None:
        pass

    def close(self) -> None:
        self._run.finish()


def import_wandb() -> ModuleType:
    """The optional package wandb; raises `UserError` if it is not installed."""
    try:
        return importlib.import_module("wandb")
    except ImportError as error:
        raise UserError(
            "train.wandb.enabled=True needs the package wandb: "
            "run `pip install wandb`, or set train.wandb.enabled=False."
        ) from error
