"""The losses of trainings, and nothing after the last step."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import MagicMock, patch

from dual_weighting.engine import finite_loss, train


def no_evaluation(cfg, model, **_):
    return MagicMock(return_value={}, model=model)


@contextmanager
def recorded_losses() -> Iterator[list[dict]]:
    """A row for each batch of the trainings inside, which end without an evaluation: its losses by
    name, its images, and how many objects each of them has."""
    rows, check_losses = [], finite_loss.check_losses

    def record(losses, *, batch, **rest):
        rows.append(
            {
                "losses": {name: value.item() for name, value in losses.items()},
                "images": [image["image_id"] for image in batch],
                "objects": [len(image["instances"]) for image in batch],
            }
        )
        check_losses(losses, batch=batch, **rest)

    with (
        patch.object(finite_loss, "check_losses", record),
        patch.object(train, "Evaluation", no_evaluation),
        patch.object(train, "after_evaluation", MagicMock()),
    ):
        yield rows
