"""Pairs of pictures side by side, pixel for pixel, on one page."""

import os

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

PAIRS_PER_ROW = 2
DPI = 100
MARGIN = 16  # pixels around the page and between pairs
GAP = 4  # pixels between the pictures of a pair
TITLE_HEIGHT = 40  # pixels


class PairGrid:
    """Pairs in rows of two, with a title over each column."""

    def __init__(self, *, titles: tuple[str, str]) -> None:
        self.titles = titles
        self._pairs: list[tuple[np.ndarray, np.ndarray]] = []

    def add(self, left: np.ndarray, right: np.ndarray) -> None:
        """Add a pair of pictures of one size, (H, W, 3) RGB in [0, 255]."""
        self._pairs.append((left, right))

    def save(self, output_file: str | os.PathLike) -> None:
        """Write the page as a PNG. Smaller pictures are centered in their cells."""
        columns = min(PAIRS_PER_ROW, len(self._pairs))
        rows = [self._pairs[start : start + columns] for start in range(0, self.size, columns)]
        cell_width = max(left.shape[1] for left, _ in self._pairs)
        heights = [max(left.shape[0] for left, _ in row) for row in rows]
        pair_width = 2 * cell_width + GAP
        page = np.full(
            (
                TITLE_HEIGHT + sum(heights) + MARGIN * len(rows),
                columns * (pair_width + MARGIN) + MARGIN,
                3,
            ),
            255,
            np.uint8,
        )
        top = TITLE_HEIGHT
        for row, height in zip(rows, heights, strict=True):
            for column, pair in enumerate(row):
                for side, picture in enumerate(pair):
                    x = MARGIN + column * (pair_width + MARGIN) + side * (cell_width + GAP)
                    x += (cell_width - picture.shape[1]) // 2
                    y = top + (height - picture.shape[0]) // 2
                    page[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
            top += height + MARGIN
        figure = figure_of(page)
        for column in range(columns):
            for side, title in enumerate(self.titles):
                x = MARGIN + column * (pair_width + MARGIN) + side * (cell_width + GAP)
                figure.text(
                    (x + cell_width / 2) / page.shape[1],
                    1 - TITLE_HEIGHT / 2 / page.shape[0],
                    title,
                    ha="center",
                    va="center",
                    fontsize=14,
                )
        figure.savefig(output_file, dpi=DPI, format="png")

    @property
    def size(self) -> int:
        return len(self._pairs)


def figure_of(page: np.ndarray) -> Figure:
    """A figure of exactly the pixels of `page` (H, W, 3)."""
    height, width = page.shape[:2]
    # Matplotlib rounds down, older versions also what is whole but for an error of rounding.
    figure = Figure(figsize=((width + 0.1) / DPI, (height + 0.1) / DPI), dpi=DPI)
    FigureCanvasAgg(figure)
    figure.figimage(page)
    return figure
