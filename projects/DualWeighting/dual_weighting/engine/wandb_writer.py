"""The numbers of a training on Weights & Biases (https://wandb.ai)."""

import importlib
import json
from pathlib import Path
from types import ModuleType

from detectron2.utils.events import EventWriter, get_event_storage
from omegaconf import DictConfig, OmegaConf

from dual_weighting.checkpoint.atomic_file import atomic_file
from dual_weighting.errors import UserError

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
