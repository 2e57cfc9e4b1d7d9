"""The losses of the validation set."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from detectron2.config import instantiate
from detectron2.data import DatasetFromList, MapDataset
from detectron2.utils import comm
from detectron2.utils.events import EventStorage, get_event_storage, has_event_storage
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException
from torch import nn
from torch.utils.data import DataLoader

from dual_weighting.utils.errors import UserError


class ValidationLoss:
    """The losses a model has on the validation images, as means over them.

    They are the training's losses: of batches of the same size, over all processes, of the same
    data reading but with the augmentations of the test. The model's layers work as in inference
    (BatchNorm with its running statistics, no dropout), nothing in it changes.
    """

    def __init__(
        self, cfg: DictConfig, model: nn.Module, *, precision: torch.dtype | None = None
    ) -> None:
        """`model`: the detector that is evaluated. `precision`: as `Trainer` has it."""
        self._model = model
        self._precision = precision
        dataset = validation_data(cfg)
        self._sizes = batch_sizes(
            len(dataset), cfg.dataloader.train.total_batch_size, comm.get_world_size()
        )
        self._loader = DataLoader(
            dataset,
            batch_sampler=share_of_batches(self._sizes, comm.get_rank(), comm.get_world_size()),
            num_workers=cfg.dataloader.test.get("num_workers", 0),
            collate_fn=list,
        )

    def __call__(self) -> dict[str, float]:
        """`val_loss_...` and their sum `val_total_loss`; empty but in the main process."""
        device = next(self._model.parameters()).device
        autocast = torch.autocast(
            device.type, dtype=self._precision, enabled=self._precision is not None
        )
        sums: dict[str, float] = {}
        iteration = get_event_storage().iter if has_event_storage() else 0
        with losses_only(self._model), EventStorage(iteration), torch.no_grad(), autocast:
            for batch, size in zip(self._loader, self._sizes, strict=True):
                for name, loss in self._model(batch).items():
                    sums[name] = sums.get(name, 0.0) + size * loss.item()
        of_all = comm.gather(sums)  # the mean over processes is the loss of the whole batch
        num_images = sum(self._sizes)
        means = {
            f"val_{name}": sum(sums[name] for sums in of_all) / (len(of_all) * num_images)
            for name in (sums if of_all else ())
        }
        return {**means, "val_total_loss": sum(means.values())} if means else {}


@contextmanager
def losses_only(model: nn.Module) -> Iterator[None]:
    """Let `model` return losses while all its layers work as in inference."""
    was_training = {module: module.training for module in model.modules()}
    model.eval()
    model.training = True  # the detector alone, not the modules in it
    try:
        yield
    finally:
        for module, training in was_training.items():
            module.training = training


def validation_data(cfg: DictConfig) -> MapDataset:
    """`cfg.dataloader.test`'s images, read as those of the training but augmented as in a test."""
    loader = copy.deepcopy(cfg.dataloader)
    try:
        loader.train.dataset.names = loader.test.dataset.names
        loader.train.mapper.augmentations = loader.test.mapper.augmentations
        loader.train.mapper.pop("on_bad_image", None)  # the losses are of all images
    except OmegaConfBaseException as error:
        raise UserError(
            "train.validation_loss=True needs dataloader.train and dataloader.test with "
            "dataset.names and mapper.augmentations: set train.validation_loss=False."
        ) from error
    records = instantiate(loader.train.dataset)
    return MapDataset(DatasetFromList(records, copy=False), instantiate(loader.train.mapper))


def batch_sizes(num_images: int, batch_size: int, num_processes: int) -> list[int]:
    """Sizes of the batches of all processes together; the last has what is left.

    It is left out where it has not an image for each process: fewer images than processes.
    """
    full, rest = divmod(num_images, batch_size)
    sizes = [batch_size] * full + ([rest] if rest >= num_processes else [])
    if not sizes:
        raise UserError(
            f"The validation set has {num_images} images, too few for the losses of "
            f"{num_processes} processes: set train.validation_loss=False."
        )
    return sizes


def share_of_batches(sizes: list[int], rank: int, num_processes: int) -> list[list[int]]:
    """The images, by index, that process `rank` takes of each batch: every so-manyth."""
    starts = [sum(sizes[:k]) for k in range(len(sizes))]
    return [
        list(range(start + rank, start + size, num_processes))
        for start, size in zip(starts, sizes, strict=True)
    ]
