"""What the tests of tests/gpu share."""

import pytest
import torch
from torch import Tensor

NEEDS_GPU = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU"),
]
DEVICE = torch.device("cuda")


def moved(x, device: torch.device = DEVICE):
    """A scene, or a part of one, with its tensors on `device`."""
    if isinstance(x, dict):
        return {name: moved(value, device) for name, value in x.items()}
    if isinstance(x, list):
        return [moved(value, device) for value in x]
    return x.to(device) if isinstance(x, Tensor) else x
