import pytest
import torch


@pytest.fixture(scope="module")
def exact_convolutions():
    """Without TF32, which has the digits of bfloat16."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cudnn.allow_tf32 = before
