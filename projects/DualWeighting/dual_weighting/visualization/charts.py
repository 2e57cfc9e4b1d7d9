"""Charts with one panel each, as matplotlib figures, and as SVG to be put into a page."""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

INK, SOFT, FAINT, GRID = "#1f2328", "#57606a", "#8b949e", "#e6e8eb"
# Okabe and Ito's colors for all kinds of color vision, and two dark ones of Paul Tol's.
BLUE, ORANGE, GREEN, RED = "#0072b2", "#e69f00", "#009e73", "#d55e00"
PALETTE = (BLUE, ORANGE, GREEN, "#cc79a7", RED, "#56b4e9", "#882255", "#332288")
MOST_POINTS = 250  # of a line; longer ones are thinned out
NUMBERED = 24  # classes; the cells of larger matrices are small and have no numbers
LONGEST = 18  # letters of a name

Limits = tuple[float | None, float | None]  # None: from the data


@dataclass(frozen=True)
class Line:
    """A line of a chart: `x`, `y` (n,), and perhaps a band from `low` to `high`, (n,) each."""

    name: str
    x: Sequence[float] | np.ndarray
    y: Sequence[float] | np.ndarray
    color: str = BLUE
    width: float = 1.8
    opacity: float = 1.0
    dashed: bool = False
    dots: bool = False
    named: bool = True  # in the legend
    low: np.ndarray | None = None
    high: np.ndarray | None = None


@dataclass(frozen=True)
class Chart:
    """Lines, and perhaps bars (B,) between `edges` (B + 1,), over two axes."""

    title: str
    lines: Sequence[Line]
    x_label: str = "iteration"
    y_label: str = ""
    x_limits: Limits = (0, None)
    y_limits: Limits = (0, None)
    bars: np.ndarray | None = None
    edges: np.ndarray | None = None
    about: str = ""


def figure_of(charts: Sequence[Chart], *, size: tuple[float, float] = (5, 4)) -> Figure:
    """The charts side by side, each with its title and legend; `size` of each, in inches."""
    figure = Figure(figsize=(size[0] * len(charts), size[1]), dpi=120, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.12)
    for axes, chart in zip(figure.subplots(1, len(charts), squeeze=False)[0], charts, strict=True):
        draw_chart(axes, chart)
        axes.set_title(chart.title)
        if any(line.named for line in chart.lines):
            axes.legend(frameon=False, fontsize="small")
    return figure


def draw_chart(axes: Axes, chart: Chart) -> None:
    if chart.bars is not None:
        axes.bar(chart.edges[:-1], chart.bars, np.diff(chart.edges), align="edge", color=BLUE,
                 alpha=0.75, edgecolor="white")  # fmt: skip
    for line in chart.lines:
        x, y = thinned(np.asarray(line.x, float)), thinned(np.asarray(line.y, float))
        marker = "o" if line.dots or len(x) == 1 else None
        axes.plot(
            x, y, "--" if line.dashed else "-", color=line.color, linewidth=line.width,
            alpha=line.opacity, marker=marker, markersize=3.5, clip_on=not marker,
            label=line.name if line.named else None,
        )  # fmt: skip
        if line.low is not None:
            axes.fill_between(x, line.low, line.high, color=line.color, alpha=0.15, linewidth=0)
    for limits, set_limits in ((chart.x_limits, axes.set_xlim), (chart.y_limits, axes.set_ylim)):
        low, high = limits
        set_limits(low, high if high is None or low is None or high > low else low + 1)
    axes.set_xlabel(chart.x_label, color=SOFT, fontsize=11.5)
    axes.set_ylabel(chart.y_label, color=SOFT, fontsize=11.5)
    axes.grid(axis="y", color=GRID)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(FAINT)
    axes.tick_params(left=False, color=FAINT, labelcolor=SOFT, labelsize=11)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]))
        axis.set_major_formatter(FuncFormatter(lambda value, _: number_text(value)))


def thinned(values: np.ndarray) -> np.ndarray:
    if len(values) <= MOST_POINTS:
        return values
    return values[np.unique(np.linspace(0, len(values) - 1, MOST_POINTS).round().astype(int))]


def number_text(value: float) -> str:
    """As short as an axis wants it: 1,500; 0.25; 2e-05."""
    return f"{value:,.6g}" if 1 <= abs(value) < 1e6 else f"{value:.3g}"


def chart_svg(chart: Chart) -> str:
    """The chart without title and legend, 360 x 250 units."""
    figure = Figure(figsize=(5, 250 / 72), dpi=72, layout="constrained")
    draw_chart(figure.subplots(), chart)
    return svg(figure)


def svg(figure: Figure) -> str:
    """The figure as an SVG element whose letters are text of the page. Names are never markup, nor
    mathematics."""
    text = io.StringIO()
    style = {"svg.fonttype": "none", "text.parse_math": False, "svg.hashsalt": "dual_weighting"}
    with matplotlib.rc_context(style):
        for item in figure.findobj(matplotlib.text.Text):
            item.set_parse_math(False)
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    element = text.getvalue()
    element = element[element.index("<svg") :]
    element = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", element, flags=re.DOTALL)
    # The page chooses the letters; units are pixels.
    element = re.sub(r'(width|height)="([\d.]+)pt"', r'\1="\2"', element, count=2)
    return re.sub(r"font: ([\d.]+px)[^;\"]*", r"font-size: \1", element)


def matrix_figure(
    matrix: np.ndarray, names: Sequence[str], *, chosen: Sequence[int] | None = None
) -> Figure:
    """A confusion matrix: rows are what is there, columns what was detected; blue on the diagonal,
    red elsewhere, the darker the larger the share of its row.

    `matrix`: (n, n) counts. `names`: n. `chosen`: only these rows and columns are drawn.
    """
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    if chosen is not None:
        names = [names[k] for k in chosen]
        matrix, share = matrix[np.ix_(chosen, chosen)], share[np.ix_(chosen, chosen)]
    count, labels = len(names), [shortened(name) for name in names]
    numbered = count <= NUMBERED
    cell, letters = (34, 11.5) if numbered else (11, 9.5)  # units
    side = (14 + 0.62 * letters * max(map(len, labels)) + count * cell) / 72
    strength = np.where(matrix > 0, 0.08 + 0.92 * share**0.6, 0)[..., None]
    hue = np.where(np.eye(count, dtype=bool)[..., None], to_rgb(BLUE), to_rgb(RED))
    colors = 1 - strength * (1 - hue)
    figure = Figure(figsize=(side, side), dpi=72, layout="constrained")
    axes = figure.subplots()
    axes.imshow(colors, interpolation="none")
    axes.set_xticks(range(count), labels, rotation=90, fontsize=letters)
    axes.set_yticks(range(count), labels, fontsize=letters)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_color(GRID)
    for at in (count - 1.5,):  # before the background
        axes.axhline(at, color=GRID, linewidth=1)
        axes.axvline(at, color=GRID, linewidth=1)
    if numbered:
        for row, column in np.argwhere(matrix > 0).tolist():
            axes.text(
                column, row, short_count(matrix[row, column]), ha="center", va="center",
                fontsize=letters, color=text_color(to_hex(colors[row, column])),
            )  # fmt: skip
    return figure


def text_color(ground: str) -> str:
    """Black or white, whichever has the higher contrast, which then is at least 4.5."""
    return "#000" if relative_luminance(ground) > 0.179 else "#fff"


def relative_luminance(color: str) -> float:
    """Of WCAG 2, from 0 for black to 1 for white."""
    srgb = np.array(to_rgb(color))
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def shortened(name: str, longest: int = LONGEST) -> str:
    return name if len(name) <= longest else name[: longest - 1] + "…"


def short_count(count: int) -> str:
    """At most four letters: 999, 1.2k, 12k."""
    if count < 1000:
        return str(count)
    return f"{count / 1000:.1f}k" if count < 10_000 else f"{count / 1000:.0f}k"
