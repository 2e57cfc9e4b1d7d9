"""Several runs on one page: their numbers side by side, their curves over one another."""

import math
import os
from collections.abc import Sequence
from pathlib import Path

from omegaconf import OmegaConf

from dual_weighting.evaluation.detection_statistics import reliability
from dual_weighting.report.blocks import (
    NOTHING,
    Cell,
    Section,
    duration,
    number,
    number_cell,
    page,
    paragraph,
    table,
)
from dual_weighting.report.compared_curves import curves, precision
from dual_weighting.report.differences import config_differences, version_differences
from dual_weighting.report.precision import TASKS, class_means
from dual_weighting.report.run_files import Missing, RunFiles, flat, get
from dual_weighting.report.training import value_text
from dual_weighting.utils.atomic_file import atomic_file
from dual_weighting.visualization.markup import Content, element


def write_comparison(runs: Sequence[RunFiles], output_file: str | os.PathLike) -> Path:
    """Write the page that compares `runs`; its file. What a run lacks is a dash in its place."""
    names = labels(runs)
    makers = {
        "curves": ("Curves", curves),
        "ap": ("Average precision", average_precision),
        "classes": ("Classes", classes),
        "precision": ("Precision and recall", precision),
        "nms": ("With and without NMS", duplicates),
        "config": ("Differences of the configs", config_differences),
        "versions": ("Differences of the versions", version_differences),
    }
    sections = [
        Section(key, title, lambda make=make: make(runs, names))
        for key, (title, make) in makers.items()
    ]
    head = [
        element("p", "Comparison", class_="kind"),
        element("h1", f"{len(runs)} runs"),
        element("p", "The first one is what the others are measured against.", class_="lead"),
        summary(runs, names),
    ]
    folders = ", ".join(str(run.folder) for run in runs)
    text = page(
        title=f"Comparison of {len(runs)} runs",
        head=head,
        sections=sections,
        foot=f"Made from the files of {folders}.",
    )
    file = Path(output_file)
    file.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(file, "w") as stream:
        stream.write(text)
    return file


def labels(runs: Sequence[RunFiles]) -> list[str]:
    """As much of the end of each folder's path as tells it from the others."""
    paths = [run.folder.resolve().parts for run in runs]
    for depth in range(1, max(len(path) for path in paths)):
        names = ["/".join(path[-depth:]) for path in paths]
        if len(set(names)) == len(names):
            return names
    return [str(run.folder) for run in runs]


def summary(runs: Sequence[RunFiles], names: list[str]) -> Content:
    """A row a run. Runs on different data sets are not to be compared: it is said."""
    heads = ["run", "scheme", "AP", "change", "AP50", "best F1", "at score", "ECE", "steps", "time"]
    first = get(lambda: ap_of(runs[0]))
    rows = []
    for run, name in zip(runs, names, strict=True):
        ap = get(lambda run=run: ap_of(run))
        point = get(lambda run=run: run.detections.overall, None)
        change = ap - first
        scheme = value_text(OmegaConf.select(run.cfg, "model.scheme", default="model"))
        if scheme == "model":
            scheme = value_text(run.cfg.model)
        rows.append(
            [
                name,
                Cell(scheme, kind="text"),
                number_cell(ap),
                Cell(NOTHING if math.isnan(change) or run is runs[0] else f"{change:+.1f}"),
                number_cell(get(lambda run=run: flat(run.evaluation["bbox"])["AP50"])),
                number_cell(point.f1 if point else math.nan),
                number_cell(point.threshold if point else math.nan, 3),
                number_cell(get(lambda run=run: calibration_error(run))),
                f"{run.num_iterations:,}",
                duration(run.training_seconds),
            ]
        )
    datasets = {get(lambda run=run: run.dataset_name, "") for run in runs}
    warning = None
    if len(datasets) > 1:
        warning = element(
            "p",
            f"These runs were evaluated on different data sets ({', '.join(sorted(datasets))}): "
            "their numbers do not compare.",
            class_="missing",
        )
    return [warning, table(heads, rows, wide=True, left=[1])]


def ap_of(run: RunFiles) -> float:
    return flat(run.evaluation["bbox"])["AP"]


def calibration_error(run: RunFiles) -> float:
    """ECE over all detections, in percent."""
    matches = run.detections.matches
    counted = ~matches.ignored
    bins = reliability(matches.data.scores[counted], matches.right[counted])
    return 100 * bins.expected_error()


def average_precision(runs: Sequence[RunFiles], names: list[str]) -> Content:
    parts = []
    for task, noun in TASKS.items():
        found = [get(lambda run=run, task=task: flat(run.evaluation[task]), {}) for run in runs]
        heads = list(dict.fromkeys(head for numbers in found for head in numbers))
        if heads:
            rows = [
                [name, *(changed(row.get(h, math.nan), found[0].get(h, math.nan)) for h in heads)]
                for name, row in zip(names, found, strict=True)
            ]
            parts += [element("h3", f"Of {noun}"), table(["run", *heads], rows)]
    if not parts:
        raise Missing("None of these folders holds an evaluation.json with metrics of boxes.")
    return parts


def changed(value: float, first: float, digits: int = 1) -> Cell:
    """A number, and beside it by how much it differs from the first run's."""
    change = value - first
    if not math.isfinite(change) or not change:
        return number_cell(value, digits)
    beside = element("span", f" {change:+.{digits}f}", class_="change")
    return Cell([number(value, digits), beside], value=value)


def classes(runs: Sequence[RunFiles], names: list[str]) -> Content:
    """AP of each class, for each run."""
    found = [get(lambda run=run: ap_by_class(run), {}) for run in runs]
    all_classes = list(dict.fromkeys(name for of_run in found for name in of_run))
    if not all_classes:
        raise Missing("None of these folders holds detections in COCO's format.")
    rows = []
    for name in all_classes:
        values = [of_run.get(name, math.nan) for of_run in found]
        rows.append([name, *(changed(value, values[0]) for value in values)])
    return [
        paragraph("AP of boxes by class. A click on a head sorts."),
        table(["class", *names], rows, sortable=True),
    ]


def ap_by_class(run: RunFiles) -> dict[str, float]:
    found = run.detections
    ap = 100 * class_means(found.precision)
    return dict(zip(found.matches.data.class_names, ap.tolist(), strict=True))


def duplicates(runs: Sequence[RunFiles], names: list[str]) -> Content:
    rows = []
    for run, name in zip(runs, names, strict=True):
        report = get(lambda run=run: run.evaluation["duplicates"], {})
        with_nms, without = (report.get(key, {}) for key in ("with_nms", "without_nms"))
        ap = with_nms.get("AP", math.nan), without.get("AP", math.nan)
        own = "off" if run.cfg.model.get("test_nms_thresh") is None else "on"
        rows.append(
            [
                name,
                Cell(own if report else NOTHING),
                *(number_cell(x, 2) for x in (*ap, ap[1] - ap[0])),
                number_cell(without.get("duplicates_per_image", math.nan), 2),
            ]
        )
    heads = ["run", "its own NMS", "AP with", "AP without", "change", "duplicates an image without"]
    return table(heads, rows)
