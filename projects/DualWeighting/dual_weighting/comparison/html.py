"""The comparison page of several runs."""

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig, OmegaConf

from dual_weighting.comparison.intervals import paired_interval
from dual_weighting.report.page import NOTHING, Cell, duration, svg_of, text, write_page
from dual_weighting.report.quality import TASKS, mean_curve, unit_chart
from dual_weighting.report.run import Missing, RunFiles, Series, get
from dual_weighting.report.training import value_text
from dual_weighting.visualization.charts import PALETTE, Chart, Line
from dual_weighting.visualization.curves import smoothed

IGNORED = ("train.output_dir", "dataloader.evaluator.output_dir")


def write_comparison(runs: Sequence[RunFiles], output_file: str | os.PathLike) -> Path:
    """Write a page that compares `runs` with the first of them, and return its path.

    Values that a run lacks are shown as dashes.
    """
    names = labels(runs)
    makers = {
        "curves": ("Curves", curves),
        "ap": ("Average precision", average_precision),
        "classes": ("Classes", classes),
        "precision": ("Precision and recall", precision),
        "nms": ("With and without NMS", nms),
        "config": ("Differences of the configs", config_differences),
        "versions": ("Differences of the versions", version_differences),
    }
    return write_page(
        "comparison.html.j2",
        output_file,
        {
            key: (title, lambda make=make: make(runs, names))
            for key, (title, make) in makers.items()
        },
        count=len(runs),
        folders=", ".join(str(run.folder) for run in runs),
        datasets=sorted({str(get(lambda run=run: run.dataset_name, "")) for run in runs}),
        rows=summary(runs, names),
    )


def labels(runs: Sequence[RunFiles]) -> list[str]:
    """The shortest unambiguous end of each folder's path."""
    paths = [run.folder.resolve().parts for run in runs]
    for depth in range(1, max(map(len, paths))):
        names = ["/".join(path[-depth:]) for path in paths]
        if len(set(names)) == len(names):
            return names
    return [str(run.folder) for run in runs]


def summary(runs: Sequence[RunFiles], names: list[str]) -> list[list[Any]]:
    """One row per run."""
    rows = []
    for run, name in zip(runs, names, strict=True):
        point = get(lambda run=run: run.diagnosis.overall, None)
        interval = None if run is runs[0] else paired_interval(runs[0], run)
        scheme = OmegaConf.select(run.cfg, "model.scheme", default=run.cfg.model)
        boxes = run.numbers()
        rows.append(
            [
                name,
                text(value_text(scheme)),
                Cell(boxes.get("AP", math.nan)),
                Cell(str(interval or NOTHING)),
                Cell(boxes.get("AP50", math.nan)),
                Cell(point.f1 if point else math.nan),
                Cell(point.threshold if point else math.nan, 3),
                Cell(get(lambda run=run: 100 * run.diagnosis.calibration["ece"])),
                Cell(float(run.num_iterations), 0),
                Cell(duration(run.training_seconds)),
            ]
        )
    return rows


def curves(runs: Sequence[RunFiles], names: list[str]) -> dict[str, Any]:
    end = max(run.num_iterations for run in runs)

    def chart(title: str, metric: str, high: float | None) -> Chart:
        lines = [
            Line(name, *smooth(run.metrics[metric], metric), color, dots=metric != "total_loss")
            for run, name, color in colored(runs, names)
            if metric in run.metrics
        ]
        return Chart(title, lines, x_limits=(0, end), y_limits=(0, high))

    charts = [
        chart("AP over the training", "bbox/AP", 100),
        chart("Total loss", "total_loss", None),
    ]
    return shown(charts, "a metrics.json of a training")


def smooth(series: Series, metric: str) -> Series:
    return (series[0], smoothed(series[1])) if metric == "total_loss" else series


def colored(runs: Sequence[RunFiles], names: list[str]) -> list[tuple[RunFiles, str, str]]:
    """Runs with labels and colors; colors repeat."""
    return [
        (run, name, PALETTE[k % len(PALETTE)])
        for k, (run, name) in enumerate(zip(runs, names, strict=True))
    ]


def shown(charts: Sequence[Chart], what: str) -> dict[str, Any]:
    drawn = [svg_of(chart) for chart in charts if chart.lines]
    if not drawn:
        raise Missing(f"None of these folders contains {what}.")
    return {"charts": drawn}


def average_precision(runs: Sequence[RunFiles], names: list[str]) -> dict[str, Any]:
    tables = []
    for task, noun in TASKS.items():
        found = [run.numbers(task) for run in runs]
        heads = list(dict.fromkeys(head for numbers in found for head in numbers))
        if heads:
            rows = [
                [name, *(changed(row.get(h, math.nan), found[0].get(h, math.nan)) for h in heads)]
                for name, row in zip(names, found, strict=True)
            ]
            tables.append({"noun": noun, "heads": ["run", *heads], "rows": rows})
    if not tables:
        raise Missing("None of these folders contains an evaluation.json with box metrics.")
    return {"tables": tables}


def changed(value: float, first: float) -> Cell:
    """A number and its difference from the first run."""
    change = value - first
    return Cell(value, change=change if math.isfinite(change) else None)


def classes(runs: Sequence[RunFiles], names: list[str]) -> dict[str, Any]:
    """AP of each class in each run."""
    found = [
        dict(zip(x.truth.class_names, x.ap_per_class.tolist(), strict=True)) if x else {}
        for x in (get(lambda run=run: run.diagnosis, None) for run in runs)
    ]
    if not any(found):
        raise Missing("None of these folders contains detections in COCO's format.")
    rows = []
    for name in dict.fromkeys(name for of_run in found for name in of_run):
        values = [of_run.get(name, math.nan) for of_run in found]
        rows.append([name, *(changed(value, values[0]) for value in values)])
    return {"heads": ["class", *names], "rows": rows}


def precision(runs: Sequence[RunFiles], names: list[str]) -> dict[str, Any]:
    """Precision-recall curves, averaged over classes."""
    charts = []
    for title, ious in {"IoU 0.50": slice(0, 1), "mean of IoU 0.50 to 0.95": slice(None)}.items():
        lines = []
        for run, name, color in colored(runs, names):
            if found := get(lambda run=run: run.diagnosis, None):
                curve = mean_curve(found.precision[ious])
                lines.append(Line(name, np.linspace(0, 1, len(curve)), curve, color))
        charts.append(unit_chart(title, lines))
    return shown(charts, "detections in COCO's format")


def nms(runs: Sequence[RunFiles], names: list[str]) -> dict[str, Any]:
    rows = []
    for run, name in zip(runs, names, strict=True):
        report = get(lambda run=run: run.evaluation["duplicates"], {})
        ways = [report.get(way, {}) for way in ("with_nms", "without_nms")]
        ap = [way.get("AP", math.nan) for way in ways]
        duplicates = ways[1].get("duplicates_per_image", math.nan)
        own = ("on" if run.has_nms else "off") if report else NOTHING
        rows.append([name, text(own), *(Cell(x, 2) for x in (*ap, ap[1] - ap[0], duplicates))])
    return {"rows": rows}


def config_differences(runs: Sequence[RunFiles], names: list[str]) -> dict[str, Any]:
    """The config keys that differ between runs."""
    return differences([leaves(run.cfg) for run in runs], names)


def version_differences(runs: Sequence[RunFiles], names: list[str]) -> dict[str, Any]:
    found = [get(lambda run=run: run.environment, {}) for run in runs]
    if not any(found):
        raise Missing("None of these folders contains a log.txt with versions.")
    return differences(found, names)


def differences(values: list[dict[str, str]], names: list[str]) -> dict[str, Any]:
    rows = [
        [key, *(text(of_run.get(key, NOTHING)) for of_run in values)]
        for key in dict.fromkeys(key for of_run in values for key in of_run)
        if len({of_run.get(key) for of_run in values}) > 1
    ]
    return {"heads": ["", *names], "rows": rows}


def leaves(cfg: DictConfig) -> dict[str, str]:
    """All resolved values of a config as text, by full key, except output folders."""
    found: dict[str, str] = {}

    def walk(node: object, prefix: str) -> None:
        if isinstance(node, dict) and node:
            for key, value in node.items():
                walk(value, f"{prefix}.{key}" if prefix else str(key))
        elif prefix not in IGNORED:
            found[prefix] = node.__name__ if isinstance(node, type) else str(node)

    walk(OmegaConf.to_container(cfg, resolve=True), "")
    return found
