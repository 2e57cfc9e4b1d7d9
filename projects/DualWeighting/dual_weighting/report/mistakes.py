"""Sections of a report about what a run's detections take for what, and what they miss."""

import cv2
import numpy as np

from dual_weighting.data.images import read_image
from dual_weighting.evaluation.detection_matching import confusion_matrix
from dual_weighting.evaluation.detection_statistics import image_errors
from dual_weighting.report.blocks import (
    Cell,
    count_of,
    enlargeable,
    paragraph,
    picture,
    table,
)
from dual_weighting.report.run_files import Detections, RunFiles
from dual_weighting.visualization.error_pictures import (
    CROWD,
    MISSED,
    RIGHT,
    WRONG,
    Mark,
    draw_marks,
    jpeg,
)
from dual_weighting.visualization.markup import Content, element
from dual_weighting.visualization.svg_matrix import NUMBERED, matrix_chart, shortened

NUM_CONFUSED, LARGEST_MATRIX = 15, 100  # classes of the readable and of the whole matrix
NUM_WORST = 12


def confusion(run: RunFiles) -> Content:
    found = run.detections
    names = [*found.matches.data.class_names, "background"]
    matrix = confusion_matrix(found.matches, found.threshold)
    about = (
        f"Detections of score {found.threshold:.3f} or more, the best threshold, and the objects "
        "they find at IoU 0.5. A row is what is there, a column what was detected; the last column "
        "counts objects that were missed, the last row detections where nothing is. Of what found "
        "nothing of its class, a detection and an object that overlap are confused."
    )
    title, whole = "Confusion matrix", None
    chosen = most_confused(matrix, LARGEST_MATRIX)
    if len(names) > NUMBERED:
        drawing = matrix_chart(matrix, names, title=title, chosen=chosen)
        whole = element(
            "details",
            element("summary", f"{len(chosen) - 1} classes; a click on the matrix enlarges it"),
            enlargeable(drawing),
        )
        chosen = most_confused(matrix, NUM_CONFUSED)
        about += f" Drawn are the {NUM_CONFUSED} classes with the most errors; more are below."
    drawing = matrix_chart(matrix, names, title=title, chosen=chosen)
    return [
        paragraph(about),
        element(
            "div",
            element("div", drawing, class_="scroll"),
            element("div", confused_pairs(matrix, names)),
            class_="split",
        ),
        whole,
    ]


def most_confused(matrix: np.ndarray, count: int) -> np.ndarray:
    """Indices of the `count` classes with the most errors, ascending, and of the background."""
    errors = matrix.sum(axis=0) + matrix.sum(axis=1) - 2 * matrix.diagonal()
    chosen = np.sort(np.argsort(-errors[:-1], kind="stable")[:count])
    return np.append(chosen, len(matrix) - 1)


def confused_pairs(matrix: np.ndarray, names: list[str], count: int = 10) -> Content:
    """The classes that are most often taken for one another."""
    between = matrix[:-1, :-1] * ~np.eye(len(matrix) - 1, dtype=bool)
    order = np.argsort(-between, axis=None, kind="stable")[:count]
    pairs = [np.unravel_index(k, between.shape) for k in order]
    rows = [
        [
            names[i],
            Cell(names[j], kind="text"),
            f"{between[i, j]:,}",
            f"{between[i, j] / matrix[i].sum():.1%}",
        ]
        for i, j in pairs
        if between[i, j]
    ]
    if not rows:
        return paragraph("No object was taken for one of another class.")
    heads = ["is a", "detected as", "times", "of its objects"]
    return [element("h3", "Most often confused"), table(heads, rows, left=[1])]


def worst_images(run: RunFiles) -> Content:
    """The images with the most errors, drawn."""
    found = run.detections
    data = found.matches.data
    errors = image_errors(found.matches, found.threshold)
    worst = errors.worst(NUM_WORST)
    if not len(worst):
        return paragraph("No object was missed and nothing wrong was detected.")
    figures = []
    for k in worst.tolist():
        name = data.file_names[k]
        counts = f"{errors.missed[k]} missed, {errors.wrong[k]} wrong, {errors.right[k]} right"
        try:
            shown = enlargeable(picture(error_picture(found, k), about=f"{name}: {counts}"))
        except (OSError, ValueError, cv2.error) as error:
            shown = element("p", f"cannot be read ({type(error).__name__})", class_="missing")
        caption = element("figcaption", element("strong", name), element("br"), counts)
        figures.append(element("figure", shown, caption))
    keys = [("missed", MISSED), ("wrong", WRONG), ("right", RIGHT), ("crowd, ignored", CROWD)]
    legend = [
        element(
            "li",
            element("i", class_="box", style=f"border-color: rgb{colour}"),
            element("span", text),
        )
        for text, colour in keys
    ]
    total = int((errors.missed + errors.wrong > 0).sum())
    return [
        paragraph(
            f"The {count_of(len(worst), 'image')} with the most errors of the {total:,} that have "
            f"any, of {len(data.file_names):,}, at score {found.threshold:.3f}, the best threshold."
        ),
        element("ul", *legend, class_="legend"),
        element("div", *figures, class_="pictures"),
    ]


def error_picture(found: Detections, image: int) -> bytes:
    """A JPEG of that image with its objects and detections."""
    matches, data = found.matches, found.matches.data
    names = [shortened(name) for name in data.class_names]
    objects, detections = data.objects.of_image(image), data.detections.of_image(image)
    missed, shown = matches.missed(found.threshold), matches.at(found.threshold)
    marks = []
    for o in range(objects.start, objects.stop):
        name, box = names[data.objects.classes[o]], data.objects.xywh[o]
        if data.crowd[o]:
            marks.append(Mark(box, f"{name} (crowd)", CROWD))
        elif missed[o]:
            marks.append(Mark(box, name, MISSED))
    best = [d for d in range(detections.start, detections.stop) if shown[d]]
    for d in best:
        text = f"{names[data.detections.classes[d]]} {data.scores[d]:.2f}"
        colour = RIGHT if matches.right[d] else WRONG
        marks.append(Mark(data.detections.xywh[d], text, colour))
    marks.sort(key=lambda mark: (RIGHT, CROWD, MISSED, WRONG).index(mark.colour))
    pixels = read_image(str(found.image_root / data.file_names[image]), format="RGB")
    return jpeg(draw_marks(pixels, marks))
