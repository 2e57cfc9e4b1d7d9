import torch

from dual_weighting.modeling import FixedStatisticsBatchNorm


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
