import pytest
import torch
import torch.nn.functional as F
from detectron2.modeling.backbone.resnet import BottleneckBlock
from tiny_detector import CHANNELS, tiny_head
from torch import nn

from dual_weighting.modeling import DeformableBottleneckBlock, DeformConv2d


def random_conv(**kwargs):
    torch.manual_seed(0)
    return DeformConv2d(4, 6, kernel_size=3, padding=1, **kwargs)


@pytest.mark.parametrize("settings", [{}, {"stride": 2}, {"groups": 2}, {"bias": False}])
def test_starts_as_half_the_plain_convolution(settings):
    conv, x = random_conv(**settings), torch.randn(2, 4, 7, 9)
    plain = F.conv2d(x, conv.weight, None, conv.stride, 1, 1, conv.groups) / 2
    if conv.bias is not None:
        nn.init.normal_(conv.bias)
        plain = plain + conv.bias[:, None, None]
    torch.testing.assert_close(conv(x), plain)


def test_offsets_move_the_taps():
    """(dy, dx) = (1, 2) for every tap reads one row down and two columns to the right."""
    conv, x = random_conv(bias=False), torch.randn(1, 4, 9, 9)
    with torch.no_grad():
        conv.offset.bias[:18] = torch.tensor([1.0, 2.0]).repeat(9)
        moved = torch.zeros_like(x)
        moved[:, :, :-1, :-2] = x[:, :, 1:, 2:]
        # The first row and columns of taps lie in the padding of the plain one, not in the moved.
        torch.testing.assert_close(
            conv(x)[:, :, 1:, 1:], (F.conv2d(moved, conv.weight, padding=1) / 2)[:, :, 1:, 1:]
        )


def test_weight_of_a_tap():
    """With only the fifth tap's weight at 1, the 3x3 convolution is that of its centre."""
    conv, x = random_conv(bias=False), torch.randn(1, 4, 5, 5)
    with torch.no_grad():
        conv.offset.bias[18:] = -50
        conv.offset.bias[18 + 4] = 50
    torch.testing.assert_close(conv(x), F.conv2d(x, conv.weight[:, :, 1:2, 1:2]))


def test_norm_activation_and_gradients():
    conv = random_conv(norm=nn.GroupNorm(2, 6), activation=F.relu)
    y = conv(torch.randn(2, 4, 6, 6))
    assert (y >= 0).all() and (y == 0).any()
    y.square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in conv.parameters())


def test_half_precision():
    conv, x = random_conv(), torch.randn(1, 4, 6, 6)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = conv(x.bfloat16())
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), conv(x), rtol=0.05, atol=0.05)


def test_start_of_block_and_head():
    """The block's weights are those of Detectron2's, read at the regular places. The head's are
    uniform within 1 / sqrt(inputs), the offsets as those of its other convolutions."""
    torch.manual_seed(0)
    plain = BottleneckBlock(16, 32, bottleneck_channels=8, norm="FrozenBN")
    torch.manual_seed(0)
    block = DeformableBottleneckBlock(16, 32, bottleneck_channels=8, norm="FrozenBN")
    assert torch.equal(block.conv2.weight, plain.conv2.weight)
    assert not block.conv2.offset.weight.any() and not block.conv2.offset.bias.any()
    head = tiny_head(conv_dims=(CHANNELS, CHANNELS), deformable=True)
    for tower in (head.cls_tower, head.box_tower):
        assert [type(conv) is DeformConv2d for conv in tower] == [False, True]
        assert tower[1].weight.abs().max().item() == pytest.approx((9 * CHANNELS) ** -0.5, rel=0.01)
        assert tower[1].offset.weight.std().item() == pytest.approx(0.01, rel=0.1)
        assert not tower[1].bias.any() and not tower[1].offset.bias.any()


def test_bottleneck_block():
    """That of Detectron2, but for its 3x3 convolution."""
    settings = {"bottleneck_channels": 8, "stride": 2, "norm": "FrozenBN"}
    torch.manual_seed(0)
    block = DeformableBottleneckBlock(16, 32, **settings).eval()
    plain = BottleneckBlock(16, 32, **settings).eval()
    missing, unexpected = plain.load_state_dict(block.state_dict(), strict=False)
    assert not missing and set(unexpected) == {"conv2.offset.weight", "conv2.offset.bias"}
    with torch.no_grad():
        plain.conv2.weight /= 2
    x = torch.randn(1, 16, 9, 9)
    torch.testing.assert_close(block(x), plain(x))
