"""The report of a run: one HTML file with what its folder and its data set tell."""

from .report import write_report
from .run import RunFiles

__all__ = ["RunFiles", "write_report"]
