"""Numbers as text, and rows of text as a table that reads well in a terminal and as a page."""

from collections.abc import Sequence


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """First column to the left, numbers to the right, all cells of a column equally wide."""
    lines = [list(header), *map(list, rows)]
    widths = [max(3, *map(len, column)) for column in zip(*lines, strict=True)]
    first, *others = widths
    rule = "|".join(["-" * (first + 2), *("-" * (width + 1) + ":" for width in others)])
    text = [" | ".join([line[0].ljust(first), *map(str.rjust, line[1:], others)]) for line in lines]
    head, *body = (f"| {line} |" for line in text)
    return "\n".join([head, f"|{rule}|", *body])


def ms(seconds: float) -> str:
    """Milliseconds, with a digit behind the point where they are few."""
    value = 1e3 * seconds
    return f"{value:,.0f} ms" if value >= 100 else f"{value:.1f} ms"


def mib(num_bytes: float) -> str:
    return f"{num_bytes / 2**20:,.0f} MiB"


def images(num_images: int, image_size: Sequence[int]) -> str:
    """ "2 images of 800 x 1333 pixels" """
    height, width = image_size
    return f"{num_images} image{'s'[: num_images != 1]} of {height} x {width} pixels"
