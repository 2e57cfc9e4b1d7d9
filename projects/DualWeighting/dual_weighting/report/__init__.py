"""The report of a run: one HTML file with what its folder and its data set tell."""

from .run import RunFiles
from .sections import write_report

__all__ = ["RunFiles", "write_report"]
