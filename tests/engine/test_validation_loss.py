import ast

import pytest
import torch
from commands import two_processes
from commands.tiny_project import write_tiny_project
from detectron2.config import instantiate
from detectron2.utils.events import EventStorage
from torch import nn

from dual_weighting.config.load import load_config
from dual_weighting.engine.build import Validation
from dual_weighting.engine.launch import launch_processes
from dual_weighting.engine.validation_loss import (
    ValidationLoss,
    batch_sizes,
    losses_only,
    share_of_batches,
)
from dual_weighting.utils.errors import UserError


@pytest.mark.parametrize(
    ("images", "processes", "sizes"), [(8, 2, [4, 4]), (7, 2, [4, 3]), (9, 2, [4, 4]), (3, 1, [3])]
)
def test_batch_sizes(images, processes, sizes):
    """One image that is left is not enough for two processes."""
    assert batch_sizes(images, 4, processes) == sizes
    shares = [share_of_batches(sizes, rank, processes) for rank in range(processes)]
    assert all(share for shares_of_rank in shares for share in shares_of_rank)
    together = sorted(i for shares_of_rank in shares for share in shares_of_rank for i in share)
    assert together == list(range(sum(sizes)))


def test_fewer_images_than_processes():
    with pytest.raises(UserError, match="has 1 images, too few for the losses of 2 processes"):
        batch_sizes(1, 4, 2)


def test_only_the_detector_itself_trains():
    model = nn.Sequential(nn.BatchNorm2d(2), nn.Dropout())
    model[1].eval()
    with losses_only(model):
        assert model.training and not model[0].training
        model(torch.randn(2, 2, 3, 3))
    assert [m.training for m in model.modules()] == [True, True, False]
    assert model[0].num_batches_tracked == 0


@pytest.fixture(scope="module")
def cfg(tmp_path_factory):
    root = tmp_path_factory.mktemp("tiny")
    return load_config(str(write_tiny_project(root, name="tiny_of_validation_loss")))


def test_is_the_loss_of_the_batches(cfg):
    """Twelve images in batches of four, as the training loader gives them; nothing changes."""
    torch.manual_seed(0)
    model = instantiate(cfg.model)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with EventStorage() as storage:
        losses = ValidationLoss(cfg, model)()
        assert storage.latest() == {}  # what the model reports is of the training
    names = {"val_loss_cls_pos", "val_loss_loc", "val_loss_cls_neg", "val_total_loss"}
    assert set(losses) == names
    assert model.training and all(p.grad is None for p in model.parameters())
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())

    records = instantiate(cfg.dataloader.train.dataset)
    mapper = instantiate(cfg.dataloader.train.mapper)
    total = 0.0
    with torch.no_grad():
        for k in range(0, 12, 4):
            total += sum(model([mapper(x) for x in records[k : k + 4]]).values()).item() / 3
    assert losses["val_total_loss"] == pytest.approx(total)


@pytest.mark.slow
def test_two_processes_have_the_losses_of_one(tmp_path):
    """Eleven images in batches of four: two processes share 4, 4 and 3."""
    config = str(write_tiny_project(tmp_path, name="tiny_of_two", images=11))
    losses = []
    for count in (1, 2):
        file = tmp_path / f"{count}.txt"
        args = two_processes.arguments(num_gpus=count, config_file=config, file=file)
        launch_processes(two_processes.validation_loss, args, device=torch.device("cpu"))
        losses.append(ast.literal_eval(file.read_text()))
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_data_it_cannot_read_with_objects(cfg):
    other = load_config(str(cfg.train.output_dir).replace("output", "tiny.py"))
    del other.dataloader.test.dataset
    with pytest.raises(UserError, match=r"validation_loss=True needs dataloader\.train and"):
        ValidationLoss(other, nn.Identity())


def test_metric_that_is_none():
    key = "train.best_checkpoint.metric"
    metrics = {"bbox": {"AP": 1.0, "AP50": 2.0}}
    losses = {"val_total_loss": 3.0}
    assert Validation(lambda: metrics, lambda: losses, metrics={key: "bbox/AP"})() == {
        **metrics,
        **losses,
    }
    Validation(lambda: metrics, lambda: losses, metrics={key: "val_total_loss"})()
    with pytest.raises(UserError) as error:
        Validation(lambda: metrics, lambda: losses, metrics={key: "AP"})()
    assert str(error.value) == (
        "train.best_checkpoint.metric=AP is no metric of this evaluation: "
        "use one of bbox/AP, bbox/AP50, val_total_loss."
    )
