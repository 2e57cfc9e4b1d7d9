"""Mixed precision stops where assignment and losses begin."""

import pytest
import torch
from detectron2.structures import BitMasks
from tiny_detector import tiny_condinst, tiny_detector, training_image
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from dual_weighting.assignment import OneToFew
from dual_weighting.engine.trainer import Trainer
from dual_weighting.losses import OneToFewLoss


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


def dw_detector():
    return tiny_detector()


def o2f_detector():
    return tiny_detector(scheme=OneToFew(), losses=OneToFewLoss(), test_nms_thresh=None)


@pytest.mark.parametrize("build", [dw_detector, o2f_detector, tiny_condinst])
def test_losses_are_computed_in_float32_while_convolutions_are_not(build):
    """Every operation of scheme and losses, in a step of the trainer; the gradients are float32."""
    model = build()
    masks = {"mask_losses"} & set(vars(model))
    seen = {name: FloatsSeen() for name in {"scheme", "losses"} | masks}
    for name, mode in seen.items():
        setattr(model, name, watched(getattr(model, name), mode))
    convolved = set()
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda m, args, out: convolved.add(out.dtype))
    image = training_image([[8, 8, 40, 40], [50, 10, 90, 60]], [0, 2])
    if build is tiny_condinst:
        image["instances"].gt_masks = BitMasks(torch.ones(2, 64, 96, dtype=torch.bool))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    trainer = Trainer(model, [[image]], optimizer, precision=torch.bfloat16)
    trainer.train(0, 1)
    assert torch.bfloat16 in convolved
    for name, mode in seen.items():  # a sum over all points is counted in float64
        assert torch.float32 in mode.dtypes and mode.dtypes <= {torch.float32, torch.float64}, name
    assert {p.grad.dtype for p in model.parameters() if p.grad is not None} == {torch.float32}
    assert not trainer.grad_scaler.is_enabled()
