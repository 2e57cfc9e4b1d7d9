"""The same seed on the same machine gives the same bits."""

import pytest
import torch
from commands.recorded_losses import recorded_losses
from commands.tiny_project import write_tiny_project
from commands.tiny_training import train_tiny

AUGMENTED = """
from detectron2.config import LazyCall as L
from detectron2.data import transforms as T
from .tiny import dataloader, lr_multiplier, model, optimizer, train

dataloader.train.mapper.augmentations = [
    L(T.ResizeShortestEdge)(short_edge_length=(48, 64), sample_style="choice"),
    L(T.RandomFlip)(),
]
dataloader.train.total_batch_size = 2
dataloader.train.num_workers = 2
"""


@pytest.fixture
def config(tmp_path):
    write_tiny_project(tmp_path, name="tiny_again")
    (tmp_path / "augmented.py").write_text(AUGMENTED)
    return tmp_path / "augmented.py"


def bits(rows):
    return [{name: loss.hex() for name, loss in row["losses"].items()} for row in rows]


def test_fifty_steps_twice(config, tmp_path):
    """With shuffled images, augmentation, and two workers that load them."""
    with recorded_losses() as first:
        train_tiny(config, tmp_path / "first", max_iter=50, eval_period=0)
    torch.rand(7)
    with recorded_losses() as second:
        train_tiny(config, tmp_path / "second", max_iter=50, eval_period=0)
    assert len(first) == 50 and bits(first) == bits(second)
    images = [row["images"] for row in first]
    assert images == [row["images"] for row in second]
    epoch = [image for batch in images[:6] for image in batch]
    assert sorted(epoch) == list(range(12)) and images[:6] != images[6:12]
    assert len({loss["loss_loc"] for loss in bits(first)}) == 50
