import copy

import pytest
import torch
from detectron2.modeling.backbone import swin
from torch import nn
from torchvision.ops import StochasticDepth

from dual_weighting.modeling import FixedStatisticsBatchNorm, SwinTransformer
from dual_weighting.modeling.backbone import WindowAttention

SIZES = {"embed_dim": 12, "depths": (2, 2), "num_heads": (1, 2), "out_indices": (0, 1)}


def test_is_detectron2s_while_evaluating():
    torch.manual_seed(0)
    ours = SwinTransformer(**SIZES, drop_path_rate=0.3).eval()
    theirs = swin.SwinTransformer(**SIZES, drop_path_rate=0.0).eval()
    theirs.load_state_dict(ours.state_dict())
    image = torch.randn(2, 3, 64, 96)
    for name, x in theirs(image).items():
        torch.testing.assert_close(ours(image)[name], x)


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


@pytest.mark.parametrize("shifted", [False, True])
def test_fused_attention_is_detectron2s(shifted):
    torch.manual_seed(0)
    reference = swin.WindowAttention(12, window_size=(3, 3), num_heads=2).double()
    nn.init.normal_(reference.relative_position_bias_table)
    fused = copy.deepcopy(reference)
    fused.__class__ = WindowAttention
    mask = None
    if shifted:
        mask = torch.zeros(4, 9, 9, dtype=torch.float64)
        mask[:, :4, 4:] = -100.0
        mask[1] = mask[0].T
    windows = torch.randn(8, 9, 12, dtype=torch.float64)
    results = []
    for attention in (reference, fused):
        x = windows.clone().requires_grad_()
        out = attention(x, mask)
        out.square().sum().backward()
        gradients = [x.grad, *(p.grad for p in attention.parameters())]
        results.append([out.detach(), *gradients])
    torch.testing.assert_close(results[1], results[0])
