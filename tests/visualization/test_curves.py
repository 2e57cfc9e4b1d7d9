import json

import cv2
import numpy as np
import pytest
from matplotlib.figure import Figure

from dual_weighting.utils.errors import UserError
from dual_weighting.visualization import draw_training_curves
from dual_weighting.visualization.curves import (
    draw_ap,
    draw_learning_rate,
    draw_losses,
    read_metrics,
    smoothed,
)

TRAINING = [
    {"iteration": i, "total_loss": 3.0 - i / 100, "loss_loc": 1.0, "loss_cls": 2.0, "lr": 0.01}
    for i in range(0, 100, 20)
]
EVALUATION = [{"iteration": 99, "bbox/AP": 41.25, "bbox/AP50": 60.0, "bbox/APs": float("nan")}]


def write(folder, rows, end=""):
    path = folder / "metrics.json"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + end)
    return path


def test_metrics_are_sorted_and_the_later_line_counts(tmp_path):
    rows = [TRAINING[1], TRAINING[0], {"iteration": 20, "total_loss": 7.0}, *EVALUATION]
    metrics = read_metrics(write(tmp_path, rows, end='{"iteration": 40, "total_l'))
    iterations, values = metrics["total_loss"]
    assert iterations.tolist() == [0, 20] and values.tolist() == [3.0, 7.0]
    assert metrics["bbox/AP"][0].tolist() == [99]


@pytest.mark.parametrize(("rows", "panels"), [(TRAINING, 2), (TRAINING + EVALUATION, 3)])
def test_a_panel_for_each_kind(tmp_path, rows, panels):
    output_file = tmp_path / "curves.png"
    draw_training_curves(metrics_json=write(tmp_path, rows), output_file=output_file)
    picture = cv2.imread(str(output_file))
    assert picture.shape == (480, 600 * panels, 3)
    for left in range(0, picture.shape[1], 600):
        assert (picture[:, left : left + 600] < 128).any()


def test_losses_are_drawn_with_their_names(tmp_path):
    axes = Figure().subplots()
    draw_losses(axes, read_metrics(write(tmp_path, TRAINING)))
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["total", "cls", "loc"]


def test_losses_of_the_validation_are_dashed_in_the_same_colour(tmp_path):
    validation = {"iteration": 90, "val_total_loss": 2.5, "val_loss_loc": 1.5}
    axes = Figure().subplots()
    draw_losses(axes, read_metrics(write(tmp_path, [*TRAINING, validation])))
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == ["total", "total, validation", "cls", "loc"]
    dashed = [line for line in axes.get_lines() if line.get_linestyle() == "--"]
    assert [line.get_ydata().tolist() for line in dashed] == [[2.5], [1.5]]
    solid = {line.get_label(): line.get_color() for line in axes.get_lines()}
    assert [line.get_color() for line in dashed] == [solid["total"], solid["loc"]]


def test_the_strong_line_is_smooth_and_the_light_one_raw():
    jagged = np.arange(100) % 2 * 1.0
    axes = Figure().subplots()
    draw_losses(axes, {"total_loss": (np.arange(100), jagged)})
    strong, light = axes.get_lines()
    assert np.ptp(strong.get_ydata()[5:-5]) < 0.3
    assert light.get_ydata().tolist() == jagged.tolist()
    assert light.get_alpha() < 0.5


def test_learning_rate_and_ap_are_what_was_logged(tmp_path):
    metrics = read_metrics(write(tmp_path, TRAINING + EVALUATION))
    rate, ap = Figure().subplots(1, 2)
    draw_learning_rate(rate, metrics)
    assert rate.get_lines()[0].get_ydata().tolist() == [0.01] * 5
    draw_ap(ap, metrics)
    texts = [text.get_text() for text in ap.get_legend().get_texts()]
    assert texts == ["AP  41.2", "AP50  60.0"]
    assert [line.get_ydata().tolist() for line in ap.get_lines()] == [[41.25], [60.0]]


def test_smoothing_is_a_mean_and_keeps_ends():
    assert smoothed(np.array([5.0])).tolist() == [5.0]
    np.testing.assert_allclose(smoothed(np.full(100, 3.0)), 3.0)
    spike = np.zeros(100)
    spike[50] = 5.0
    np.testing.assert_allclose(smoothed(spike)[48:53], 1.0)
    assert smoothed(spike)[47] == smoothed(spike)[53] == 0


def test_file_without_a_training(tmp_path):
    for rows in ([], EVALUATION):
        with pytest.raises(UserError, match="holds no total_loss to draw"):
            draw_training_curves(
                metrics_json=write(tmp_path, rows), output_file=tmp_path / "curves.png"
            )
    with pytest.raises(UserError, match=r"missing\.json cannot be read"):
        draw_training_curves(
            metrics_json=tmp_path / "missing.json", output_file=tmp_path / "curves.png"
        )
