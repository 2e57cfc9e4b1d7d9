"""Mixed precision stops where assignment and losses begin."""

from copy import deepcopy

import pytest
import torch
from all_schemes import SCHEMES
from detectron2.structures import BitMasks
from detectron2.utils.events import EventStorage
from tiny_detector import (
    CHANNELS,
    tiny_condinst,
    tiny_detector,
    tiny_fcos,
    tiny_head,
    training_image,
)
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from dual_weighting.assignment import OneToFew
from dual_weighting.engine.trainer import Trainer
from dual_weighting.modeling import AnchorDeltas, BoxRefinement


class FloatsSeen(TorchDispatchMode):
    """Collects the dtypes of all floating-point tensors that go into or come out of operations."""

    def __init__(self) -> None:
        super().__init__()
        self.dtypes: set[torch.dtype] = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for x in tree_leaves((args, kwargs, out)):
            if isinstance(x, torch.Tensor) and x.is_floating_point():
                self.dtypes.add(x.dtype)
        return out


def watched(function, seen):
    def run(*args, **kwargs):
        assert not torch.is_autocast_enabled("cpu")
        with seen:
            return function(*args, **kwargs)

    return run


DETECTORS = {
    **{
        name: lambda scheme=scheme, losses=losses: tiny_detector(scheme=scheme, losses=losses)
        for name, (scheme, losses) in SCHEMES.items()
    },
    "refining": lambda: tiny_detector(
        head=tiny_head(deformable=True, box_refinement=BoxRefinement(in_channels=CHANNELS))
    ),
    "anchors": lambda: tiny_detector(head=tiny_head(box_form=AnchorDeltas(), box_bias=0.0)),
    "fcos of detectron2": lambda: tiny_fcos(test_score_thresh=0.0),
    "condinst": tiny_condinst,
}
BATCH = [training_image([[8, 8, 40, 40], [50, 10, 90, 60]], [0, 1]), training_image([], [])]
for image in BATCH:
    num_objects = len(image["instances"])
    image["instances"].gt_masks = BitMasks(torch.ones(num_objects, 64, 96, dtype=torch.bool))


@pytest.fixture(params=DETECTORS)
def model(request):
    return DETECTORS[request.param]()


def test_losses_are_computed_in_float32_while_convolutions_are_not(model):
    """Every operation of scheme and losses, in a step of the trainer; the gradients are float32."""
    parts = {"scheme", "losses", "mask_losses", "label_anchors"}
    seen = {name: FloatsSeen() for name in parts if hasattr(model, name)}
    for name, mode in seen.items():
        setattr(model, name, watched(getattr(model, name), mode))
    convolved = set()
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda m, args, out: convolved.add(out.dtype))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    trainer = Trainer(model, [BATCH], optimizer, precision=torch.bfloat16)
    trainer.train(0, 1)
    assert torch.bfloat16 in convolved
    for name, mode in seen.items():  # a sum over all points is counted in float64
        assert torch.float32 in mode.dtypes and mode.dtypes <= {torch.float32, torch.float64}, name
    assert {p.grad.dtype for p in model.parameters() if p.grad is not None} == {torch.float32}
    assert not trainer.grad_scaler.is_enabled()


def test_losses_of_half_precision(model):
    """Convolutions in bfloat16 hardly change them; O2F's more, as it chooses points by score."""
    losses = {}
    for enabled in (False, True):
        with EventStorage(), torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            losses[enabled] = deepcopy(model)(BATCH)
    assert {x.dtype for x in losses[True].values()} == {torch.float32}
    expected, found = (sum(losses[enabled].values()) for enabled in (False, True))
    chooses = isinstance(getattr(model, "scheme", None), OneToFew)
    torch.testing.assert_close(found, expected, rtol=2e-3 if chooses else 1e-3, atol=0)


@torch.no_grad()
def test_detections_of_half_precision_are_float32(model):
    """Boxes too: in bfloat16 a coordinate above 256 is a multiple of 2 pixels."""
    model.eval().test_score_thresh = 0.0
    with torch.autocast("cpu", torch.bfloat16):
        (found,) = model(BATCH[:1])
    found = found["instances"]
    assert len(found) > 20
    assert found.scores.dtype == found.pred_boxes.tensor.dtype == torch.float32
