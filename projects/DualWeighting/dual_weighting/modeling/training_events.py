"""What a detector reports of its training to Detectron2's event storage: TensorBoard and
metrics.json show it."""

import math

import torch
from detectron2.utils.events import get_event_storage, has_event_storage

from ..assignment import Assignment, Batch
from ..assignment.statistics import assignment_statistics


def progress_at(iteration: int, max_iter: int) -> float:
    """How much of a training of `max_iter` iterations is done: 0 at the first, 1 at the last."""
    return min(iteration / max(max_iter - 1, 1), 1.0)


def progress_of_storage(max_iter: int | None) -> float | None:
    """:func:`progress_at` the iteration of Detectron2's event storage, which every trainer of
    Detectron2 keeps. None outside of a training, or where `max_iter` is not known."""
    if max_iter is None or not has_event_storage():
        return None
    return progress_at(get_event_storage().iter, max_iter)


def report_assignment(assignment: Assignment, batch: Batch) -> None:
    """Report `assignment_statistics` as `assignment/...`, and `training_progress`.

    Does nothing outside of a training, and leaves out what the batch has no value for.
    """
    if not has_event_storage():
        return
    storage = get_event_storage()
    storage.put_scalar("training_progress", batch.progress, smoothing_hint=False)
    if batch.num_gt == 0:
        return
    statistics = assignment_statistics(assignment, batch)
    values = torch.stack(list(statistics.values())).tolist()  # one transfer from the device
    for name, value in zip(statistics, values, strict=True):
        if math.isfinite(value):
            storage.put_scalar(f"assignment/{name}", value)
