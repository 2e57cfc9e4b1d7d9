"""The report of one run."""

import os
from pathlib import Path

from dual_weighting.report import mistakes, overview, precision, scores, training
from dual_weighting.report.blocks import Section, page
from dual_weighting.report.run_files import RunFiles
from dual_weighting.utils.atomic_file import atomic_file

REPORT = "report.html"
SECTIONS = {
    "notices": ("What to notice", overview.notices),
    "training": ("Training", training.curves),
    "ap": ("Average precision", precision.average_precision),
    "classes": ("Classes", precision.classes),
    "precision": ("Precision and recall", precision.precision_and_recall),
    "confusion": ("Confusion", mistakes.confusion),
    "calibration": ("Calibration", scores.calibration),
    "nms": ("With and without NMS", scores.duplicates),
    "images": ("Worst images", mistakes.worst_images),
    "assignment": ("Assignment", training.snapshots),
    "settings": ("Settings and versions", training.settings),
}


def write_report(run: RunFiles, output_file: str | os.PathLike | None = None) -> Path:
    """Write the page about `run`, by default as report.html into its folder; its file.

    It is made of the files of the folder and the data set of the evaluation. What is missing is
    said in its place.
    """
    sections = [
        Section(key, title, lambda make=make: make(run)) for key, (title, make) in SECTIONS.items()
    ]
    text = page(
        title=f"{run.name}: training report",
        head=overview.head(run),
        sections=sections,
        foot=f"Made from the files of {run.folder}; tools/report.py makes it again.",
    )
    file = Path(output_file) if output_file else run.folder / REPORT
    with atomic_file(file, "w") as stream:
        stream.write(text)
    return file
