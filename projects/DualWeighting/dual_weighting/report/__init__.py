"""The report of a run: one HTML file with what its folder and its data set tell."""

from .compare import write_comparison
from .page import write_report
from .run_files import RunFiles

__all__ = ["RunFiles", "write_comparison", "write_report"]
