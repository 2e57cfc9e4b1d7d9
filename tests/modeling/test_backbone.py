import pytest
import torch
from detectron2.modeling.backbone import swin
from torchvision.ops import StochasticDepth

from dual_weighting.modeling import FixedStatisticsBatchNorm, SwinTransformer

SIZES = {"embed_dim": 12, "depths": (2, 2), "num_heads": (1, 2), "out_indices": (0, 1)}


def test_is_detectron2s_while_evaluating():
    torch.manual_seed(0)
    ours = SwinTransformer(**SIZES, drop_path_rate=0.3).eval()
    theirs = swin.SwinTransformer(**SIZES, drop_path_rate=0.0).eval()
    theirs.load_state_dict(ours.state_dict())
    image = torch.randn(2, 3, 64, 96)
    for name, x in theirs(image).items():
        assert torch.equal(ours(image)[name], x)


def test_drop_path_grows_linearly():
    blocks = [
        b for layer in SwinTransformer(**SIZES, drop_path_rate=0.3).layers for b in layer.blocks
    ]
    assert isinstance(blocks[0].drop_path, torch.nn.Identity)
    assert all(isinstance(block.drop_path, StochasticDepth) for block in blocks[1:])
    assert [block.drop_path.p for block in blocks[1:]] == pytest.approx([0.1, 0.2, 0.3])
    assert {block.drop_path.mode for block in blocks[1:]} == {"row"}


def test_statistics_stay_and_scale_learns():
    norm = FixedStatisticsBatchNorm(2)
    norm.running_mean.fill_(1.0)
    norm.train()
    x = torch.full((4, 2, 3, 3), 3.0)
    y = norm(x)
    assert norm.running_mean.tolist() == [1.0, 1.0]
    torch.testing.assert_close(y, torch.full_like(x, 2.0), rtol=1e-4, atol=1e-4)
    y.sum().backward()
    assert norm.weight.grad.abs().sum() > 0
