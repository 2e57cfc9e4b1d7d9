"""`train.on_bad_loss=skip`, on a model of one weight and two buffers."""

import argparse
import json

import pytest
import torch
from commands import skipping_processes
from commands.skipping_processes import Product, trainer_of

from dual_weighting.engine.ema import EMAHook, WeightAverage
from dual_weighting.engine.launch import launch_processes
from dual_weighting.utils.errors import UserError

NAN = float("nan")


def state_of(model):
    return model.weight.item(), model.sum.item(), model.count.item()


@pytest.mark.parametrize(
    ("bad", "what"),
    [
        (NAN, "loss is nan"),
        (float("inf"), "loss is -inf"),  # -1 times infinity
        ("gradient", "the norm of the gradients is nan"),
    ],
)
def test_a_skipped_step_leaves_nothing_behind(bad, what, caplog):
    """The gradients are 1 and 2; the step between them is left out, its statistics too."""
    model = Product()
    trainer = trainer_of(model, [[1.0], [bad], [2.0]])
    trainer.train(0, 3)
    assert state_of(model) == (-3.0, 3.0, 2)
    assert trainer.storage.latest()["skipped_iterations"] == (1, 2)
    expected = f"Skipped, no step is taken: {what} in iteration 1, on the images {bad}.png (1 so"
    assert expected in caplog.text
    # What the writers see: the losses of the step before once more, 0 * 1 and then -1 * 2.
    assert [v for v, _ in trainer.storage.history("total_loss").values()] == [0.0, 0.0, -2.0]


def test_the_momentum_and_the_scale_of_the_losses_stay():
    """With momentum 0.5, steps of 1 and 2 + 0.5; the scale counts two good steps."""
    model = Product()
    trainer = trainer_of(model, [[1.0], [NAN], [2.0]], momentum=0.5, precision=torch.float16)
    trainer.train(0, 3)
    assert model.weight.item() == -3.5
    scaler = trainer.state_dict()["grad_scaler"]
    assert scaler["scale"] == 65536 and scaler["_growth_tracker"] == 2


def test_infinite_gradients_of_a_scaled_loss_are_the_scalers_affair():
    model = Product()
    options = {"precision": torch.float16, "clip_grad_norm": 10.0}
    trainer = trainer_of(model, [[1e36], [1.0]], **options)  # 65,536 times that is infinite
    trainer.train(0, 2)
    assert model.weight.item() == -1.0 and trainer.skipped.total == 0
    assert trainer.grad_scaler.get_scale() == 32768


def test_all_batches_of_the_step_are_left_out():
    """Of two batches each: (1, NaN) is skipped, then the mean of 2 and 4 is the gradient."""
    model = Product()
    trainer = trainer_of(model, [[1.0], [NAN], [2.0], [4.0]], accumulate=2)
    trainer.train(0, 2)
    assert state_of(model) == (-3.0, 6.0, 2)


def test_the_average_of_the_weights_is_of_steps_taken():
    model = Product()
    average = WeightAverage(model, decay=0.9)
    trainer = trainer_of(model, [[1.0], [NAN], [2.0]])
    trainer.register_hooks([EMAHook(average)])
    trainer.train(0, 3)
    assert average.updates == 2
    # -1, then 2/11 * -1 + 9/11 * -3; of the sums 1 and 3 likewise.
    assert average.model.weight.item() == pytest.approx(-29 / 11)
    assert average.model.sum.item() == pytest.approx(29 / 11)


def test_too_many_in_a_row_stop_the_training():
    model = Product()
    trainer = trainer_of(model, [[1.0], *[[NAN]] * 3, [2.0]], max_skipped_in_a_row=3)
    with pytest.raises(UserError) as error:
        trainer.train(0, 5)
    assert state_of(model) == (-1.0, 1.0, 1)
    message = str(error.value)
    assert "after 3 skipped iterations in a row" in message
    assert "the last because loss is nan in iteration 3, on the images nan.png;" in message


def test_others_between_them_do_not():
    model = Product()
    batches = [[NAN], [1.0], [NAN], [1.0], [NAN]]
    trainer = trainer_of(model, batches, max_skipped_in_a_row=2)
    trainer.train(0, 5)
    assert model.weight.item() == -2.0 and trainer.skipped.total == 3

    resumed = trainer_of(Product(), [[NAN]], max_skipped_in_a_row=2)
    resumed.load_state_dict(trainer.state_dict())
    resumed.train(0, 1)
    assert resumed.skipped.total == 4


def test_a_gradient_that_is_no_number_stops_where_its_norm_is_known():
    trainer = trainer_of(Product(), [["gradient"]], max_skipped_in_a_row=None, clip_grad_norm=1.0)
    with pytest.raises(UserError, match=r"norm of the gradients is nan in iteration 0, on the im"):
        trainer.train(0, 1)
    assert "skipped_iterations" not in trainer.state_dict()


@pytest.mark.slow
def test_all_processes_skip_together(tmp_path):
    """Two batches of 1 a step in one process, of 3 in the other, where the third batch is NaN: two
    of three steps are taken, along 2 each."""
    args = argparse.Namespace(num_gpus=2, num_machines=1, machine_rank=0, dist_url="auto")
    args.dist_timeout, args.folder = 5, tmp_path
    launch_processes(skipping_processes.train, args, device=torch.device("cpu"))
    first, second = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1))
    assert first["weight"] == second["weight"] == -4.0
    assert first["average"] == second["average"] != pytest.approx(-4.0)
    assert first["skipped"] == second["skipped"] == 1
    assert first["sum"] == 4.0 and second["sum"] == 12.0
    assert first["log"].count("loss is nan in iteration 1, on the images nan.png") == 1
