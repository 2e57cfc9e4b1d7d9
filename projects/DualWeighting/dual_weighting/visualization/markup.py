"""HTML and SVG text in which every name is escaped unless it is markup itself."""

import html
from collections.abc import Iterable

VOID = {"img", "meta", "br", "path", "line", "rect", "circle", "polyline", "input"}


class Markup(str):
    """Text that is markup already. Anything else is escaped where it becomes part of it."""


Content = str | float | None | Iterable["Content"]


def element(name: str, /, *content: Content, **attributes: Content) -> Markup:
    """`<name attributes>content</name>`.

    In names of attributes `_` stands for `-`, but for one at the end, as in `class_`. Attributes
    that are None are left out.
    """
    parts = [name]
    for key, value in attributes.items():
        if value is not None:
            key = key.rstrip("_").replace("_", "-")
            parts.append(f'{key}="{html.escape(text_of(value))}"')
    head = " ".join(parts)
    if name in VOID and not content:
        return Markup(f"<{head}/>")
    return Markup(f"<{head}>{markup(content)}</{name}>")


def markup(content: Content) -> Markup:
    """Markup as it is, other text escaped, lists one after the other, None as nothing."""
    if content is None:
        return Markup("")
    if isinstance(content, Markup):
        return content
    if isinstance(content, str) or not isinstance(content, Iterable):
        return Markup(html.escape(text_of(content)))
    return Markup("".join(markup(part) for part in content))


def text_of(value: Content) -> str:
    """Numbers short enough for coordinates."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
