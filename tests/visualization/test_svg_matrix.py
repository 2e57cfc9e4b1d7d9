"""Matrices and colors that can be read."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from dual_weighting.report.mistakes import most_confused
from dual_weighting.visualization.svg_charts import BLUE, PALETTE, RED
from dual_weighting.visualization.svg_matrix import (
    matrix_chart,
    relative_luminance,
    text_color,
    tint,
)


def contrast(one: str, other: str) -> float:
    light, dark = sorted(map(relative_luminance, (one, other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_luminance():
    assert relative_luminance("#000000") == 0
    assert relative_luminance("#ffffff") == pytest.approx(1)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("color", [BLUE, RED])
@pytest.mark.parametrize("strength", np.linspace(0, 1, 11))
def test_numbers_can_be_read_on_every_cell(color, strength):
    ground = tint(color, strength)
    text = {"#000": "#000000", "#fff": "#ffffff"}[text_color(ground)]
    assert contrast(ground, text) >= 4.5


def test_no_two_colors_are_alike():
    colors = np.array([to_rgb(color) for color in PALETTE])
    apart = np.abs(colors[:, None] - colors[None]).max(axis=2)
    assert apart[~np.eye(len(colors), dtype=bool)].min() > 0.15


def test_of_many_classes_those_with_errors_are_drawn():
    matrix = np.diag([9] * 80 + [0])
    matrix[3, 70], matrix[50, 80], matrix[80, 7] = 5, 2, 1
    chosen = most_confused(matrix, 3)
    assert chosen.tolist() == [3, 50, 70, 80]
    chart = matrix_chart(matrix, [f"class{k}" for k in range(81)], title="t", chosen=chosen)
    assert "class70: 5, 36% of the row" in chart
    assert "class7:" not in chart
