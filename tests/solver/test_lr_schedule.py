import pytest

from dual_weighting.solver.lr_schedule import warmup_multistep_lr


def test_one_and_a_half_thousand_iterations():
    """Steps after 8 and 11 twelfths: iterations 1000 and 1375; warm-up from a thousandth."""
    schedule = warmup_multistep_lr(max_iter=1500, warmup_iters=100)
    expected = {0: 0.001, 50: 0.5005, 100: 1, 999: 1, 1000: 0.1, 1374: 0.1, 1375: 0.01, 1499: 0.01}
    for iteration, factor in expected.items():
        assert schedule(iteration / 1500) == pytest.approx(factor), iteration


def test_arguments():
    schedule = warmup_multistep_lr(
        max_iter=10, decay_at=[0.5], decay=0.5, warmup_iters=2, warmup_factor=0.2
    )
    factors = [schedule(i / 10) for i in range(10)]
    assert factors == pytest.approx([0.2, 0.6, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.5])


def test_one_epoch_without_warm_up():
    schedule = warmup_multistep_lr(max_iter=12, warmup_iters=0)
    assert [schedule(i / 12) for i in (0, 7, 8, 11)] == pytest.approx([1, 1, 0.1, 0.01])


def test_warm_up_that_does_not_fit():
    with pytest.raises(ValueError, match=r"lower lr_multiplier.warmup_iters or raise train.max_it"):
        warmup_multistep_lr(max_iter=1000, warmup_iters=1000)
