import numpy as np
import pytest

from dual_weighting.visualization.charts import chart_svg, figure_of
from dual_weighting.visualization.curves import (
    ap_chart,
    loss_chart,
    rate_chart,
    seeds_chart,
    smoothed,
    training_charts,
)

STEPS = np.arange(0, 100, 20)
METRICS = {
    "total_loss": (STEPS, 3.0 - STEPS / 100),
    "loss_loc": (STEPS, np.full(5, 1.0)),
    "loss_cls": (STEPS, np.full(5, 2.0)),
    "lr": (STEPS, np.full(5, 0.01)),
}
EVALUATION = {"bbox/AP": (np.array([99]), np.array([41.25])),
              "bbox/AP50": (np.array([99]), np.array([60.0]))}  # fmt: skip


def key(chart):
    return [line.name for line in chart.lines if line.named]


@pytest.mark.parametrize(("metrics", "panels"), [(METRICS, 2), (METRICS | EVALUATION, 3)])
def test_a_panel_for_each_kind(metrics, panels):
    charts = training_charts(metrics)
    assert len(charts) == panels == len(figure_of(charts).axes)
    assert {chart.x_limits for chart in charts} == {(0, 81)}


def test_losses_are_drawn_with_their_names():
    assert key(loss_chart(METRICS)) == ["total", "cls", "loc"]


def test_losses_of_the_validation_are_dashed_in_the_same_color():
    chart = loss_chart(METRICS | {"val_loss_loc": (np.array([90]), np.array([1.5]))})
    *_, solid, raw, dashed = chart.lines
    assert dashed.name == "loc, validation" and dashed.dashed and not solid.dashed
    assert dashed.color == solid.color == raw.color and dashed.y.tolist() == [1.5]


def test_the_strong_line_is_smooth_and_the_light_one_raw():
    jagged = np.arange(100) % 2 * 1.0
    strong, light = loss_chart({"total_loss": (np.arange(100), jagged)}).lines
    assert np.ptp(strong.y[5:-5]) < 0.3
    assert light.y.tolist() == jagged.tolist() and light.opacity < 0.5 and not light.named


def test_learning_rate_and_ap_are_what_was_logged():
    assert rate_chart(METRICS).lines[0].y.tolist() == [0.01] * 5
    assert key(ap_chart(EVALUATION)) == ["AP 41.2", "AP50 60.0"]
    assert ap_chart(EVALUATION).about == "One evaluation, after the training."


def test_smoothing_is_a_mean_and_keeps_ends():
    assert smoothed(np.array([5.0])).tolist() == [5.0]
    np.testing.assert_allclose(smoothed(np.full(100, 3.0)), 3.0)
    spike = np.zeros(100)
    spike[50] = 5.0
    np.testing.assert_allclose(smoothed(spike)[48:53], 1.0)
    assert smoothed(spike)[47] == smoothed(spike)[53] == 0


def test_seeds_meet_at_the_iterations_all_have():
    first = (np.array([10, 20, 30]), np.array([1.0, 2, 3]))
    second = (np.array([20, 30, 40]), np.array([4.0, 5, 6]))
    best = (np.array([20, 30]), np.array([8.0, 9]))
    lines = seeds_chart({"two seeds": [first, second], "best": [best]}).lines
    assert [line.name for line in lines] == ["best", "two seeds"]
    assert lines[1].x.tolist() == [20, 30] and lines[1].y.tolist() == [3, 4]
    assert (lines[1].low.tolist(), lines[1].high.tolist()) == ([2, 3], [4, 5])


def test_charts_of_a_damaged_training_are_drawn():
    for values in (np.full(5, np.nan), np.full(5, np.inf), np.zeros(5)):
        for chart in training_charts({"total_loss": (STEPS, values), "lr": (STEPS, values)}):
            assert "<svg" in chart_svg(chart)
