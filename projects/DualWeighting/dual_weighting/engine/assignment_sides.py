"""The models and schemes that a picture of assignments compares."""

import argparse
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import torch
from detectron2.config import instantiate
from omegaconf import DictConfig, OmegaConf
from torch import nn

from dual_weighting.checkpoint import Checkpointer
from dual_weighting.config.load import build, load_config
from dual_weighting.engine.run_folder import checkpoint_of_run, checkpoints_after, config_of_run
from dual_weighting.modeling.training_events import progress_at
from dual_weighting.utils.errors import UserError


@dataclass(frozen=True)
class Side:
    """A checkpoint of the model of `cfg`, viewed under `scheme`, a lazy call."""

    name: str
    cfg: DictConfig
    checkpoint: Path
    scheme: DictConfig


def sides_of(args: argparse.Namespace) -> list[Side]:
    """The sides that the options of tools/visualize_assignment.py ask for, in row order."""
    first = sides_of_one(args.config_file or args.run, args.run, args.checkpoints, args)
    if args.scheme_from:
        cfg = load_config(args.scheme_from)
        other = scheme_of(cfg, args.scheme_from)
        name = f"scheme of {Path(args.scheme_from).stem}"
        second = [Side(f"{x.name}, {name}", x.cfg, x.checkpoint, other) for x in first]
    elif args.compare:
        run = args.compare if Path(args.compare).is_dir() else None
        second = sides_of_one(args.compare, run, args.compare_checkpoints, args)
    else:
        return first
    return [side for pair in zip_longest(first, second) for side in pair if side is not None]


def sides_of_one(
    source: str | None, run: str | None, checkpoints: list[str] | None, args: argparse.Namespace
) -> list[Side]:
    """The sides of `source`, a config file or output folder: one per checkpoint."""
    if not source:
        raise UserError("Nothing to draw: give --run with an output folder, or --config-file.")
    folder = Path(run) if run else None
    config_file = config_of_run(folder) if source == run else source
    cfg = load_config(config_file)
    scheme = scheme_of(cfg, config_file)
    if folder is None and not checkpoints:
        raise UserError(f"Give --checkpoints of {source} to draw, or --run.")
    if folder is None:
        files = [existing(Path(name)) for name in checkpoints]
    elif checkpoints:
        files = [checkpoint_of_run(folder, name) for name in checkpoints]
    elif args.iterations:
        files = checkpoints_after(folder, args.iterations)
    else:
        files = [checkpoint_of_run(folder)]
    name = folder.resolve().name if folder else Path(config_file).stem
    return [Side(name, cfg, file, scheme) for file in files]


def scheme_of(cfg: DictConfig, config_file: str) -> DictConfig:
    """The lazy call of the assignment scheme."""
    if OmegaConf.select(cfg, "model.scheme") is None:
        raise UserError(
            f"The config file {config_file} has no model.scheme, so there is no assignment to show."
        )
    return cfg.model.scheme


def existing(checkpoint: Path) -> Path:
    if not checkpoint.is_file():
        raise UserError(f"The checkpoint {checkpoint} does not exist.")
    return checkpoint


def load_side(side: Side, device: torch.device) -> tuple[nn.Module, str]:
    """The detector of a side in evaluation mode, and a title with its scheme, name and iteration.

    A checkpoint without an iteration counts as the end of training.
    """
    detector = build(side.cfg, "model").to(device).eval()
    iteration = Checkpointer(detector, complete=True).load(str(side.checkpoint)).get("iteration")
    detector.scheme = instantiate(side.scheme)
    detector.training_progress = 1.0
    when = side.checkpoint.stem
    if isinstance(iteration, int):
        detector.training_progress = progress_at(iteration, side.cfg.train.max_iter)
        when = f"{iteration + 1} iterations"
    return detector, f"{type(detector.scheme).__name__}, {side.name}, {when}"
