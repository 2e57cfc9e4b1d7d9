"""Small charts as SVG inside a page: lines over two axes, and bars. Colours are of one palette, the
letters are the page's own."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.ticker import MaxNLocator

from dual_weighting.visualization.markup import Markup, element

INK, FAINT, GRID = "#1f2328", "#8b949e", "#e6e8eb"
# Okabe and Ito's colors for all kinds of color vision, and two dark ones of Paul Tol's.
BLUE, ORANGE, GREEN, RED = "#0072b2", "#e69f00", "#009e73", "#d55e00"
PALETTE = (BLUE, ORANGE, GREEN, "#cc79a7", RED, "#56b4e9", "#882255", "#332288")

WIDTH, HEIGHT = 360, 250  # of a chart, in pixels before the page scales it
LEFT, RIGHT, TOP, BOTTOM = 50, 12, 8, 40  # margins of its plot
MOST_POINTS = 250  # of a line; longer ones are thinned out


@dataclass(frozen=True)
class Line:
    """A line of a chart.

    Attributes:
        name: shown where a pointer rests on it.
        x, y: (n,); where y is not finite the line is interrupted.
    """

    name: str
    x: Sequence[float] | np.ndarray
    y: Sequence[float] | np.ndarray
    colour: str = BLUE
    width: float = 1.8
    opacity: float = 1.0
    dashed: bool = False
    dots: bool = False


@dataclass(frozen=True)
class Axis:
    """What an axis says and how far it goes: `low` and `high`, from the lines where None."""

    label: str
    low: float | None = None
    high: float | None = None

    def limits(self, values: np.ndarray) -> tuple[float, float]:
        values = values[np.isfinite(values)]
        low = self.low if self.low is not None else values.min(initial=np.inf)
        high = self.high if self.high is not None else values.max(initial=-np.inf)
        if not np.isfinite([low, high]).all():
            return 0.0, 1.0
        return (float(low), float(high)) if low < high else (float(low), float(low) + 1)


@dataclass(frozen=True)
class Scale:
    """From values in [low, high] to pixels from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, values: np.ndarray | float) -> np.ndarray:
        share = (np.asarray(values, float) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Round values inside the limits."""
        values = MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]).tick_values(self.low, self.high)
        slack = 1e-9 * (self.high - self.low)
        return [float(v) for v in values if self.low - slack <= v <= self.high + slack]


def line_chart(lines: Sequence[Line], x: Axis, y: Axis, *, title: str) -> Markup:
    """`title`: for those who do not see the picture."""
    horizontal, vertical = scales(
        x.limits(joined([line.x for line in lines])), y.limits(joined([line.y for line in lines]))
    )
    body = [axes(horizontal, vertical, x.label, y.label)]
    body += [polyline(line, horizontal, vertical) for line in lines]
    return drawing(body, title=title)


def bar_chart(
    edges: Sequence[float], heights: np.ndarray, hints: Sequence[str], x: Axis, y: Axis, *,
    title: str, lines: Sequence[Line] = (),
) -> Markup:  # fmt: skip
    """Bars (B,) between neighbours of `edges` (B + 1,), with `lines` over them.

    `hints`: shown where a pointer rests on a bar. Heights that are not finite have no bar.
    """
    horizontal, vertical = scales(x.limits(np.asarray(edges)), y.limits(np.append(heights, 0)))
    body = [axes(horizontal, vertical, x.label, y.label)]
    floor = float(vertical(vertical.low))
    for k, height in enumerate(heights):
        if np.isfinite(height):
            left, right = (float(horizontal(edge)) for edge in edges[k : k + 2])
            top = float(vertical(height))
            place = {"x": left + 1, "y": top, "width": right - left - 2, "height": floor - top}
            bar = element("rect", element("title", hints[k]), fill=BLUE, opacity=0.75, **place)
            body.append(bar)
    body += [polyline(line, horizontal, vertical) for line in lines]
    return drawing(body, title=title)


def scales(x: tuple[float, float], y: tuple[float, float]) -> tuple[Scale, Scale]:
    return Scale(*x, LEFT, WIDTH - RIGHT), Scale(*y, HEIGHT - BOTTOM, TOP)


def drawing(body: Sequence[Markup], *, title: str) -> Markup:
    return element(
        "svg", *body, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", aria_label=title, class_="chart"
    )


def axes(horizontal: Scale, vertical: Scale, x_label: str, y_label: str) -> Markup:
    """Grid, numbers and labels."""
    parts = []
    for value in vertical.ticks():
        at = float(vertical(value))
        parts.append(
            element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=at, y2=at, stroke=GRID, stroke_width=1)
        )
        text = number_text(value)
        parts.append(element("text", text, x=LEFT - 7, y=at + 4, text_anchor="end"))
    floor = HEIGHT - BOTTOM
    for value in horizontal.ticks():
        at = float(horizontal(value))
        parts.append(element("line", x1=at, x2=at, y1=floor, y2=floor + 4, stroke=FAINT))
        parts.append(element("text", number_text(value), x=at, y=floor + 17, text_anchor="middle"))
    parts.append(element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=floor, y2=floor, stroke=FAINT))
    middle = ((LEFT + WIDTH - RIGHT) / 2, (TOP + floor) / 2)
    label = {"text_anchor": "middle", "class_": "axis"}
    parts.append(element("text", x_label, x=middle[0], y=HEIGHT - 5, **label))
    turned = f"translate(11 {middle[1]:.0f}) rotate(-90)"
    if y_label:
        parts.append(element("text", y_label, transform=turned, **label))
    return element("g", *parts)


def polyline(line: Line, horizontal: Scale, vertical: Scale) -> Markup:
    """The line, cut where it leaves the plot."""
    x, y = np.asarray(line.x, float), np.asarray(line.y, float)
    if len(x) > MOST_POINTS:
        chosen = np.unique(np.linspace(0, len(x) - 1, MOST_POINTS).round().astype(int))
        x, y = x[chosen], y[chosen]
    shown = np.isfinite(x) & np.isfinite(y)
    pieces = np.split(np.arange(len(x)), np.flatnonzero(~shown))
    path = ""
    for piece in pieces:
        piece = piece[shown[piece]]
        points = zip(
            horizontal(x[piece]), vertical(y[piece].clip(vertical.low, vertical.high)), strict=True
        )
        path += "".join(f"{'L' if k else 'M'}{a:.1f} {b:.1f}" for k, (a, b) in enumerate(points))
    style = {"fill": "none", "stroke": line.colour, "stroke_width": line.width}
    dashes = "5 4" if line.dashed else None
    parts = [element("title", line.name)]
    parts.append(element("path", d=path, stroke_dasharray=dashes, stroke_linejoin="round", **style))
    if line.dots or shown.sum() == 1:
        for a, b in zip(horizontal(x[shown]), vertical(y[shown]), strict=True):
            parts.append(element("circle", cx=float(a), cy=float(b), r=2.6, fill=line.colour))
    return element("g", *parts, opacity=line.opacity if line.opacity < 1 else None)


def joined(arrays: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.zeros(0), *(np.asarray(a, float) for a in arrays)])


def number_text(value: float) -> str:
    """As short as an axis wants it: 1,500; 0.25; 2e-05."""
    if value == 0:
        return "0"
    if abs(value) >= 1:
        return f"{value:,.6g}" if abs(value) < 1e6 else f"{value:.3g}"
    return f"{value:.3g}"
