"""The report of a run as a single HTML file."""

from .run import RunFiles
from .sections import write_report

__all__ = ["RunFiles", "write_report"]
