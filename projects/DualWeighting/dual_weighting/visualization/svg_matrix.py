"""A confusion matrix as SVG inside a page."""

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import to_hex, to_rgb

from dual_weighting.visualization.markup import Markup, element
from dual_weighting.visualization.svg_charts import BLUE, GRID, RED

NUMBERED = 24  # classes; larger matrices have smaller cells without numbers
LONGEST = 18  # letters of a name


def matrix_chart(
    matrix: np.ndarray, names: Sequence[str], *, title: str, chosen: Sequence[int] | None = None
) -> Markup:
    """Rows are what is there, columns what was detected; blue on the diagonal, red elsewhere, the
    darker the larger the share of its row.

    `matrix`: (n, n) counts. `names`: n. `chosen`: only these rows and columns are drawn.
    """
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    if chosen is not None:
        names = [names[k] for k in chosen]
        matrix, share = matrix[np.ix_(chosen, chosen)], share[np.ix_(chosen, chosen)]
    number = len(names)
    numbered = number <= NUMBERED
    cell = 34 if numbered else 11
    labels = [shortened(name) for name in names]
    margin = 14 + (7 if numbered else 6) * max(len(label) for label in labels)
    side = margin + number * cell
    parts = []
    for k, label in enumerate(labels):
        at = margin + (k + 0.5) * cell
        parts.append(element("text", label, x=margin - 6, y=at + 4, text_anchor="end"))
        turned = f"translate({at + 4:.1f} {margin - 6}) rotate(-90)"
        parts.append(element("text", label, transform=turned))
    parts.append(
        element(
            "rect", x=margin, y=margin, width=number * cell, height=number * cell, fill="#fbfbfc"
        )
    )
    for row, column in np.argwhere(matrix > 0).tolist():
        x, y, count = margin + column * cell, margin + row * cell, matrix[row, column]
        strength = 0.08 + 0.92 * float(share[row, column]) ** 0.6
        hint = f"{names[row]} as {names[column]}: {count:,}, {share[row, column]:.0%} of the row"
        color = tint(BLUE if row == column else RED, strength)
        content = [element("rect", x=x, y=y, width=cell - 1, height=cell - 1, fill=color)]
        if numbered:
            content.append(
                element(
                    "text",
                    short_count(count),
                    x=x + (cell - 1) / 2,
                    y=y + cell / 2 + 4,
                    text_anchor="middle",
                    fill=text_color(color),
                )
            )
        parts.append(element("g", element("title", hint), *content))
    for k in (0, number - 1, number):  # around, and before the background
        at = margin + k * cell - 0.5
        ends = {"stroke": GRID, "stroke_width": 1}
        parts.append(element("line", x1=at, x2=at, y1=margin, y2=side, **ends))
        parts.append(element("line", y1=at, y2=at, x1=margin, x2=side, **ends))
    return element(
        "svg",
        *parts,
        viewBox=f"0 0 {side + 2} {side + 2}",
        width=side + 2,
        height=side + 2,
        role="img",
        aria_label=title,
        class_="matrix" if numbered else "matrix small",
    )


def tint(color: str, strength: float) -> str:
    """The color over white, with opacity `strength`."""
    return to_hex(1 - strength * (1 - np.array(to_rgb(color))))


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
