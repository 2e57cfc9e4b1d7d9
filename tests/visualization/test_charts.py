import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from dual_weighting.visualization.charts import (
    MOST_POINTS,
    Chart,
    Line,
    chart_svg,
    draw_chart,
    matrix_figure,
    number_text,
    relative_luminance,
    short_count,
    shortened,
    svg,
    text_color,
    thinned,
)


def test_names_are_text_and_no_mathematics():
    line = Line("<b>$x^2$</b>", [0, 1], [0, 1])
    text = chart_svg(Chart("", [line], x_label="a & $b$ <c>"))
    assert text.startswith("<svg") and "a &amp; $b$ &lt;c&gt;" in text
    assert "<style" not in text and "<metadata" not in text


def test_size_in_pixels():
    assert 'width="360" height="250"' in chart_svg(Chart("", [Line("a", [0, 1], [0, 1])]))


def test_bars_and_lines_are_where_the_numbers_say():
    axes = Figure().subplots()
    edges, bars = np.array([0, 0.5, 1]), np.array([0.25, 0.75])
    draw_chart(axes, Chart("", [Line("a", [0, 1], [1, 0])], bars=bars, edges=edges))
    assert [(bar.get_x(), bar.get_height()) for bar in axes.patches] == [(0, 0.25), (0.5, 0.75)]
    assert axes.get_lines()[0].get_ydata().tolist() == [1, 0]
    assert axes.get_xlim()[0] == axes.get_ylim()[0] == 0


def test_long_lines_are_thinned_and_keep_their_ends():
    chosen = thinned(np.arange(10_000.0))
    assert len(chosen) == MOST_POINTS and (chosen[0], chosen[-1]) == (0, 9999)
    assert thinned(np.arange(5.0)).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (1500, "1,500"), (0.25, "0.25"), (2e-5, "2e-05"), (3e7, "3e+07")]
)
def test_numbers_of_axes(value, text):
    assert number_text(value) == text


def test_matrix():
    """The counts stand in their cells; of the largest, only the chosen classes."""
    matrix = np.array([[9, 1, 0], [0, 1200, 0], [2, 0, 0]])
    axes = matrix_figure(matrix, ["a", "b" * 30, "background"]).axes[0]
    cells = {t.get_position()[::-1]: t.get_text() for t in axes.texts}
    assert cells == {(0, 0): "9", (0, 1): "1", (1, 1): "1.2k", (2, 0): "2"}
    colors = axes.images[0].get_array()
    blue, red, white = colors[1, 1], colors[2, 0], colors[0, 2]
    assert blue[2] > blue[0] and red[0] > red[2] and white.tolist() == [1, 1, 1]
    chosen = matrix_figure(matrix, ["a", "b", "background"], chosen=[0, 2]).axes[0]
    assert [t.get_text() for t in chosen.get_yticklabels()] == ["a", "background"]


def test_a_large_matrix_has_no_numbers():
    axes = matrix_figure(np.eye(30, dtype=int), [str(k) for k in range(30)]).axes[0]
    assert not axes.texts and len(svg(axes.figure)) > 1000


def test_numbers_are_read_on_any_ground():
    for share in np.linspace(0, 1, 50):
        for hue in ("#0072b2", "#d55e00"):
            ground = to_hex(1 - share * (1 - np.array(to_rgb(hue))))
            light, dark = sorted(
                (relative_luminance(ground), relative_luminance(text_color(ground))), reverse=True
            )
            assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_short_texts():
    assert shortened("x" * 18) == "x" * 18 and shortened("x" * 19) == "x" * 17 + "…"
    assert [short_count(n) for n in (999, 1234, 12345)] == ["999", "1.2k", "12k"]
