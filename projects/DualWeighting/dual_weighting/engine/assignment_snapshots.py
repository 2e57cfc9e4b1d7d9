"""Pictures of the assignment of one image during training, for the report."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from detectron2.engine import HookBase
from omegaconf import DictConfig
from torch import nn
from torch.utils.data import DataLoader

from dual_weighting.data.catalog import class_names
from dual_weighting.data.mapper import annotated_mapper
from dual_weighting.report.run import SNAPSHOTS


class AssignmentSnapshots(HookBase):
    """Draws the assignment of the largest and the smallest object of an image, at steps spread
    evenly over training from the first to the last.

    The detector runs in evaluation mode without gradients, which does not affect training. A new
    training removes the pictures of an earlier one.
    """

    def __init__(
        self,
        detector: nn.Module,
        mapped: dict,
        folder: Path,
        *,
        number: int,
        image_format: str,
        classes: Sequence[str],
    ) -> None:
        """
        Args:
            detector: not wrapped in DDP.
            mapped: the image with "instances", in the format of Detectron2's training mapper.
            folder: output folder; files are named iteration_N.png after N steps.
            number: number of pictures.
            image_format: "RGB" or "BGR", as in the mapper.
            classes: class names.
        """
        self.detector, self.mapped, self.folder = detector, mapped, folder
        self.number, self.image_format, self.classes = number, image_format, classes

    def before_train(self) -> None:
        self._steps = snapshot_steps(self.number, self.trainer.max_iter)
        if self.trainer.start_iter == 0:
            for file in self.folder.glob("iteration_*.png"):
                file.unlink()

    def after_step(self) -> None:
        done = self.trainer.iter + 1
        if done in self._steps:
            self.draw(done)

    def draw(self, done: int) -> None:
        """Draw the assignment after `done` steps."""
        from dual_weighting.visualization.assignment import draw_assignment
        from dual_weighting.visualization.assignment_rows import assignment_rows

        with evaluation_mode(self.detector), torch.no_grad():
            rows = assignment_rows(
                self.detector, self.mapped, title="", image_format=self.image_format
            )
        areas = np.array([np.prod(row.gt_box[2:] - row.gt_box[:2]) for row in rows])
        chosen = dict.fromkeys((int(areas.argmax()), int(areas.argmin())))
        self.folder.mkdir(parents=True, exist_ok=True)
        scheme = self.detector.scheme
        scheme = type(getattr(scheme, "eager", scheme)).__name__
        draw_assignment(
            [
                replace(rows[k], title=f"{scheme}, object {k}, {self.classes[rows[k].gt_class]}")
                for k in chosen
            ],
            title=f"{Path(self.mapped['file_name']).name}, image {self.mapped['image_id']}",
            output_file=self.folder / f"iteration_{done:07d}.png",
        )


def snapshot_steps(number: int, max_iter: int) -> set[int]:
    """The steps after which to draw a picture."""
    return set(np.linspace(max_iter, 1, number).round().astype(int).tolist())


def build_snapshots(
    cfg: DictConfig, detector: nn.Module, loader: DataLoader
) -> AssignmentSnapshots | None:
    """The hook for `cfg.train.assignment_snapshots`; None if it is 0, if the detector has no
    assignment scheme, or if no image of the evaluation's `loader` has an object."""
    number = cfg.train.assignment_snapshots
    if number == 0 or not hasattr(detector, "assign_images"):
        return None
    records = getattr(loader.dataset, "_dataset", [])  # of Detectron2's MapDataset
    record = next(filter(has_object, (records[k] for k in range(len(records)))), None)
    if record is None:
        return None
    with same_random_numbers():
        mapped = annotated_mapper(cfg.dataloader)(record)
    if not len(mapped["instances"]):
        return None
    return AssignmentSnapshots(
        detector,
        mapped,
        Path(cfg.train.output_dir, SNAPSHOTS),
        number=number,
        image_format=cfg.dataloader.train.mapper.image_format,
        classes=class_names(cfg),
    )


def has_object(record: dict) -> bool:
    return any(not a.get("iscrowd", 0) for a in record.get("annotations", ()))


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Put all modules in evaluation mode, and restore the mode of each afterwards."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training


@contextmanager
def same_random_numbers() -> Iterator[None]:
    """Restore the random state afterwards."""
    state = np.random.get_state()
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        np.random.set_state(state)
