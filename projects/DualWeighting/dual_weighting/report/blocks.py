"""What the pages of reports are made of: sections, tables, charts with legends, pictures."""

import base64
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dual_weighting.report.run_files import Missing
from dual_weighting.report.style import SCRIPT, STYLE
from dual_weighting.visualization.markup import Content, Markup, element
from dual_weighting.visualization.svg_charts import Line

NOTHING = "—"
POLICY = (  # nothing is fetched, whatever a name in the page says
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
)


@dataclass(frozen=True)
class Section:
    """A part of a page, with a place in its contents.

    Attributes:
        key: of links to it.
        body: made when the page is; may raise `Missing`, which is then said instead.
    """

    key: str
    title: str
    body: Callable[[], Content]


def page(*, title: str, head: Content, sections: Sequence[Section], foot: Content) -> str:
    """The whole file. Needs nothing but itself."""
    contents, parts = [], []
    for section in sections:
        try:
            body, absent = element("div", section.body()), None
        except Missing as reason:
            body, absent = element("p", str(reason), class_="missing"), "absent"
        link = element("a", section.title, href=f"#{section.key}", class_=absent)
        contents.append(element("li", link))
        parts.append(element("section", element("h2", section.title), body, id=section.key))
    document = element(
        "html",
        element(
            "head",
            element("meta", charset="utf-8"),
            element("meta", http_equiv="Content-Security-Policy", content=POLICY),
            element("meta", name="viewport", content="width=device-width, initial-scale=1"),
            element("title", title),
            element("style", Markup(STYLE)),
        ),
        element(
            "body",
            element(
                "div",
                element("nav", element("ol", *contents), aria_label="Contents"),
                element("main", element("header", head), *parts, element("footer", foot)),
                class_="page",
            ),
            element("script", Markup(SCRIPT)),
        ),
        lang="en",
    )
    return f"<!doctype html>\n{document}\n"


def paragraph(*text: Content) -> Markup:
    return element("p", *text)


def numbers(facts: Sequence[tuple[str, str, str]]) -> Markup:
    """Large figures, the first one most important: name, value, a word about it."""
    return element(
        "dl",
        *(
            element(
                "div",
                element("dt", name),
                element("dd", value, class_="value"),
                element("dd", about, class_="about"),
                class_=None if k else "first",
            )
            for k, (name, value, about) in enumerate(facts)
        ),
        class_="numbers",
    )


@dataclass(frozen=True)
class Cell:
    """A cell that is more than its text.

    Attributes:
        value: that the column is sorted by.
        bar: width of a bar in percent, instead of the text.
    """

    text: Content
    kind: str | None = None
    value: float | None = None
    bar: float | None = None


def table(
    heads: Sequence[str],
    rows: Sequence[Sequence[Content | Cell]],
    *,
    own: int | None = None,
    sortable: bool = False,
    wide: bool = False,
    left: Sequence[int] = (),
) -> Markup:
    """The first column is of names, the others of numbers, but for those in `left`, of text.
    `own`: a row to stress."""
    sort = "" if sortable else None
    head = [
        element("th", text, class_="name" if k == 0 or k in left else None, data_sort=sort)
        for k, text in enumerate(heads)
    ]
    body = []
    for k, row in enumerate(rows):
        cells = [cell_element(cell, first=j == 0) for j, cell in enumerate(row)]
        body.append(element("tr", *cells, class_="own" if k == own else None))
    whole = element(
        "table",
        element("thead", element("tr", *head)) if heads else None,
        element("tbody", *body),
        class_="wide" if wide else None,
    )
    return element("div", whole, class_="scroll tall" if len(rows) > 24 else "scroll")


def cell_element(cell: Content | Cell, *, first: bool) -> Markup:
    cell = cell if isinstance(cell, Cell) else Cell(cell)
    kind = cell.kind or ("name" if first else None)
    if cell.bar is not None:
        width = min(max(cell.bar, 0.0), 100.0)
        bar = element("i", style=f"width: {width:.1f}%")
        return element("td", bar, class_="bar", data_value=f"{cell.bar:.6g}")
    value = None
    if cell.value is not None:
        value = "" if math.isnan(cell.value) else f"{cell.value:.6g}"
    hint = cell.text if first and isinstance(cell.text, str) else None
    return element("td", cell.text, class_=kind, data_value=value, title=hint)


def number_cell(value: float, digits: int = 1) -> Cell:
    return Cell(number(value, digits), value=value)


def number(value: float, digits: int = 1) -> str:
    """With so many digits; a dash where it is not known."""
    return f"{value:,.{digits}f}" if math.isfinite(value) else NOTHING


def chart(title: str, drawing: Markup, lines: Sequence[Line] = (), about: Content = None) -> Markup:
    """A chart under its title; `lines` are named in a legend."""
    keys = [
        element(
            "li",
            element(
                "i",
                style=f"border-color: {line.colour}; opacity: {max(line.opacity, 0.4):g}",
                class_="dashed" if line.dashed else None,
            ),
            element("span", line.name, title=line.name),
        )
        for line in lines
    ]
    return element(
        "figure",
        element("div", title, class_="chart-title"),
        drawing,
        element("ul", *keys, class_="legend") if keys else None,
        element("figcaption", about) if about else None,
    )


def grid(*figures: Content) -> Markup:
    return element("div", *figures, class_="grid")


def picture(jpeg: bytes, *, about: str) -> Markup:
    code = base64.b64encode(jpeg).decode()
    return element("img", src=f"data:image/jpeg;base64,{code}", alt=about, loading="lazy")


def enlargeable(content: Content) -> Markup:
    """A picture that a click shows as large as the window, and another one as before."""
    box = element("input", type="checkbox", aria_label="Enlarge")
    return element("label", box, content, class_="zoom")


def count_of(number: int, noun: str, plural: str | None = None) -> str:
    """ "1 image", "1,200 images"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def duration(seconds: float) -> str:
    """ "41 s", "8 min", "2 h 05 min"."""
    if not math.isfinite(seconds):
        return NOTHING
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
