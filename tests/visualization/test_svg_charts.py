from xml.etree import ElementTree

import numpy as np
import pytest

from dual_weighting.visualization.error_pictures import MISSED, WRONG, Mark, draw_marks, jpeg
from dual_weighting.visualization.markup import Markup, element, markup
from dual_weighting.visualization.svg_charts import (
    BOTTOM,
    HEIGHT,
    LEFT,
    MOST_POINTS,
    RIGHT,
    TOP,
    WIDTH,
    Axis,
    Line,
    bar_chart,
    line_chart,
    number_text,
)
from dual_weighting.visualization.svg_matrix import matrix_chart, short_count

UNIT = Axis("x", low=0, high=1)


def paths(svg):
    """The d of each path of an SVG, which must be well-formed."""
    return [path.get("d") for path in ElementTree.fromstring(svg).iter("path")]


def test_text_is_escaped_and_markup_is_not():
    assert markup(["<a>", Markup("<b/>"), None, 1.5]) == "&lt;a&gt;<b/>1.5"
    made = element("p", "1 < 2", title='"&', class_="c", data_value=2, id=None)
    assert made == '<p title="&quot;&amp;" class="c" data-value="2">1 &lt; 2</p>'
    assert element("td") == "<td></td>" and element("br") == "<br/>"


def test_the_corners_of_the_plot():
    chart = line_chart([Line("line", [0, 1], [0, 1])], UNIT, UNIT, title="t")
    assert paths(chart) == [f"M{LEFT}.0 {HEIGHT - BOTTOM}.0L{WIDTH - RIGHT}.0 {TOP}.0"]


def test_a_line_is_interrupted_where_it_is_not_known():
    (path,) = paths(line_chart([Line("l", range(5), [1, 1, np.nan, 1, 1])], UNIT, UNIT, title="t"))
    assert path.count("M") == 2 and path.count("L") == 2


def test_a_long_line_is_thinned_out_but_keeps_its_ends():
    x = np.arange(10_000)
    (path,) = paths(line_chart([Line("l", x, x)], Axis("x"), Axis("y"), title="t"))
    assert path.count("L") == MOST_POINTS - 1
    assert path.endswith(f"{WIDTH - RIGHT}.0 {TOP}.0")


@pytest.mark.parametrize("y", [[], [np.nan, np.nan], [3.0], [3.0, 3.0]])
def test_hardly_any_values(y):
    chart = line_chart([Line("l", range(len(y)), y)], Axis("x"), Axis("y"), title="")
    assert ElementTree.fromstring(chart).tag.endswith("svg")


def test_bars():
    """The first of half the height, the second unknown."""
    chart = bar_chart([0, 0.5, 1], np.array([0.5, np.nan]), ["a<b", ""], UNIT, UNIT, title="t")
    (bar,) = ElementTree.fromstring(chart).iter("rect")
    assert float(bar.get("height")) == pytest.approx((HEIGHT - BOTTOM - TOP) / 2)
    assert bar.find("title").text == "a<b"


def test_number_text():
    assert [number_text(x) for x in (0, 1500, 0.25, 2e-5, 2.5e6)] == [
        "0", "1,500", "0.25", "2e-05", "2.5e+06"
    ]  # fmt: skip


@pytest.mark.parametrize("number", [3, 81])
def test_matrix(number):
    """Only cells that are not zero; a hint has the whole name."""
    matrix = np.zeros((number, number), int)
    matrix[0] = [3, *[0] * (number - 2), 1]
    names = ["<i>" + "x" * 50] * number
    tree = ElementTree.fromstring(matrix_chart(matrix, names, title="t"))
    hints = [title.text for title in tree.iter("title")]
    assert hints == [f"{names[0]} as {names[0]}: 3, 75% of the row",
                     f"{names[0]} as {names[0]}: 1, 25% of the row"]  # fmt: skip
    numbers = [t.text for t in tree.iter("text") if t.text.isdigit()]
    assert numbers == (["3", "1"] if number == 3 else [])


def test_short_count():
    assert [short_count(n) for n in (7, 999, 1234, 56789)] == ["7", "999", "1.2k", "57k"]


def test_marks_are_scaled_with_the_image():
    """100 x 50 becomes 200 x 100: the box from (10, 10) to (40, 40) goes to (20, 20), (80, 80)."""
    image = np.full((50, 100, 3), 255, np.uint8)
    marks = [Mark(np.array([10, 10, 30, 30]), "", MISSED), Mark(np.zeros(4), "text", WRONG)]
    picture = draw_marks(image, marks, size=200)
    assert picture.shape == (100, 200, 3)
    assert tuple(picture[50, 20]) == tuple(picture[80, 50]) == MISSED
    assert (image == 255).all() and (picture[50, 50] == 255).all()
    assert jpeg(picture)[:3] == b"\xff\xd8\xff"
