"""Renders the templates of the pages."""

import base64
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from dual_weighting.report.run import Missing
from dual_weighting.utils.atomic_file import atomic_file
from dual_weighting.visualization.charts import Chart, chart_svg

NOTHING = "—"


@dataclass(frozen=True)
class Cell:
    """A table cell: text, or a number that rows are sorted by.

    Attributes:
        change: shown next to the number in a faint color.
        bar: whether to draw a bar of this many percent.
        is_text: left-aligned, in a column of numbers.
    """

    value: str | float
    digits: int = 1
    change: float | None = None
    bar: bool = False
    is_text: bool = False


def text(value: object) -> Cell:
    return Cell(str(value), is_text=True)


def svg_of(chart: Chart) -> dict[str, Any]:
    """A chart for the page; the legend names all lines if there are several."""
    return {
        "chart": chart,
        "svg": Markup(chart_svg(chart)),
        "key": [x for x in chart.lines if x.named],
    }


def write_page(
    template: str,
    file: str | os.PathLike,
    sections: Mapping[str, tuple[str, Callable[[], Any]]],
    **values: Any,
) -> Path:
    """Write a self-contained page, and return its path.

    Args:
        sections: titles, and functions that return the values for the template's macro of the same
            name. A `Missing` they raise is shown instead.
    """
    made = []
    for name, (title, make) in sections.items():
        section = {"name": name, "title": title, "missing": None}
        try:
            section["values"] = make()
        except Missing as reason:
            section["missing"] = str(reason)
        made.append(section)
    text = environment().get_template(template).render(sections=made, **values)
    file = Path(file)
    file.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(file, "w") as stream:
        stream.write(text)
    return file


def environment() -> Environment:
    """The Jinja2 environment, which escapes everything but markup of the templates."""
    found = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {"number": number, "count": count_of, "duration": duration, "jpeg": data_url}
    found.tests["nan"] = lambda value: isinstance(value, float) and math.isnan(value)
    return found


def number(value: float, digits: int = 1) -> str:
    """A number with this many digits; a dash for NaN."""
    return f"{value:,.{digits}f}" if math.isfinite(value) else NOTHING


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


def data_url(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()
