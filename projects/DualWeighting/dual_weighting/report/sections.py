"""The report of one run."""

import os
from pathlib import Path

from dual_weighting.report import quality, training
from dual_weighting.report.notices import figures, lead, notices
from dual_weighting.report.page import write_page
from dual_weighting.report.run import RunFiles

REPORT = "report.html"
SECTIONS = {
    "notices": ("What to notice", notices),
    "training": ("Training", training.training),
    "ap": ("Average precision", quality.average_precision),
    "classes": ("Classes", quality.classes),
    "precision": ("Precision and recall", quality.precision_and_recall),
    "confusion": ("Errors", quality.confusion),
    "calibration": ("Calibration", quality.calibration),
    "nms": ("With and without NMS", quality.nms),
    "images": ("Worst images", quality.worst_images),
    "assignment": ("Assignment", training.snapshots),
    "settings": ("Settings and versions", training.settings),
}


def write_report(run: RunFiles, output_file: str | os.PathLike | None = None) -> Path:
    """Write the report of `run`, by default as report.html in its folder, and return its path.

    Missing files are reported in the sections that need them.
    """
    return write_page(
        "report.html.j2",
        output_file or run.folder / REPORT,
        {name: (title, lambda make=make: make(run)) for name, (title, make) in SECTIONS.items()},
        name=run.name,
        folder=run.folder,
        lead=lead(run),
        figures=figures(run),
    )
