"""torch.compile: the same losses from one graph for each part."""

from copy import deepcopy

import pytest
import torch
from all_schemes import SCHEMES
from detectron2.structures import BitMasks
from detectron2.utils.events import EventStorage
from scenes import batch_of, random_scene
from tiny_detector import tiny_condinst, tiny_detector, tiny_fcos, training_image
from torch._dynamo.utils import counters

from dual_weighting.assignment import DualWeighting
from dual_weighting.modeling.compilation import CompiledStage, compile_detector

SIZES = [(64, 96), (96, 64), (128, 160), (64, 64)]
DETECTORS = {
    "dw": (tiny_detector, 20, 4),
    "condinst": (tiny_condinst, 4, 6),  # with O2F; mask branch and semantic head are two more
    "fcos of detectron2": (tiny_fcos, 4, 2),
}


def batches(count: int) -> list[list[dict]]:
    """Batches of two images, whose sizes and numbers of objects differ from batch to batch."""
    boxes = [[4, 4, 40, 50], [10, 10, 60, 60], [0, 0, 30, 30], [20, 8, 50, 40]]
    classes = [0, 1, 2, 1]
    result = []
    for k in range(count):
        size, number = SIZES[k % len(SIZES)], 1 + k % 4
        images = [
            training_image(boxes[:number], classes[:number], size=size, seed=2 * k),
            training_image(boxes[k % 3 :], classes[k % 3 :], size=size, seed=2 * k + 1),
        ]
        for image in images:
            masks = torch.ones(len(image["instances"]), *size, dtype=torch.bool)
            image["instances"].gt_masks = BitMasks(masks)
        result.append(images)
    return result


def losses_of(model, data) -> list[dict[str, float]]:
    model.max_iter = None
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    found = []
    for step, batch in enumerate(data):
        if hasattr(model, "training_progress"):
            model.training_progress = step / len(data)
        with EventStorage():
            losses = model(batch)
        optimizer.zero_grad()
        sum(losses.values()).backward()
        optimizer.step()
        found.append({name: loss.item() for name, loss in losses.items()})
    return found


@pytest.fixture(autouse=True)
def fresh_compiler():
    torch._dynamo.reset()
    counters.clear()
    yield
    torch._dynamo.reset()


@pytest.mark.parametrize(("detector", "steps", "graphs"), DETECTORS.values(), ids=DETECTORS)
def test_losses_and_number_of_graphs(detector, steps, graphs):
    """Of four image sizes and one to seven objects in a batch."""
    torch.manual_seed(0)
    eager = detector().train()
    compiled = deepcopy(eager)
    assert compile_detector(compiled, backend="aot_eager")
    counters.clear()
    expected, found = losses_of(eager, batches(steps)), losses_of(compiled, batches(steps))
    for want, have in zip(expected, found, strict=True):
        assert have == pytest.approx(want, rel=1e-4, abs=1e-6)
    assert not counters["graph_break"]
    assert counters["stats"]["unique_graphs"] == graphs


@pytest.mark.parametrize("name", SCHEMES)
def test_every_scheme_is_one_graph(name):
    """Whatever the size of the images, the number of objects and the progress of the training."""
    scheme, losses = SCHEMES[name]
    compiled = CompiledStage(scheme, backend="eager"), CompiledStage(losses, backend="eager")
    for seed, (size, progress) in enumerate(zip(SIZES, (0.0, 0.3, 0.6, 1.0), strict=True)):
        batch = batch_of(random_scene(seed, num_gt=(seed, 3), image_size=size), progress)
        assignment, expected = compiled[0](batch), scheme(batch)
        torch.testing.assert_close(vars(assignment), vars(expected))
        torch.testing.assert_close(compiled[1](assignment, batch), losses(expected, batch))
    assert counters["stats"]["unique_graphs"] == 2


def test_names_of_parameters_and_copies():
    """A copy, such as the average of the weights, runs eagerly."""
    model = tiny_detector().eval()
    names = list(model.state_dict())
    assert compile_detector(model, backend="aot_eager")
    assert list(model.state_dict()) == names
    copy, (image, _) = deepcopy(model), batches(1)[0]
    counters.clear()
    expected = copy([image])[0]["instances"]
    assert not counters["stats"]
    found = model([image])[0]["instances"]
    assert counters["stats"]["unique_graphs"] == 2
    torch.testing.assert_close(found.scores, expected.scores)
    torch.testing.assert_close(found.pred_boxes.tensor, expected.pred_boxes.tensor)


def test_batches_of_few_objects_run_eagerly():
    model = tiny_detector().train()
    compile_detector(model, backend="aot_eager")
    counters.clear()
    losses_of(model, [[training_image([[4, 4, 40, 50]], [0])], [training_image([], [])]])
    assert counters["stats"]["unique_graphs"] == 2  # backbone and head


def test_without_a_compiler_everything_runs_eagerly(caplog, monkeypatch):
    def fails(function, **options):
        raise RuntimeError("No C++ compiler\nas a long traceback explains")

    monkeypatch.setattr(torch, "compile", fails)
    model = tiny_detector()
    assert not compile_detector(model)
    assert caplog.text.strip().endswith("run eagerly: No C++ compiler")
    assert isinstance(model.scheme, DualWeighting)
