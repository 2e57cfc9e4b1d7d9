"""Pictures of detections and assignments, and charts."""

from .assignment import draw_assignment
from .detections import draw_detections

__all__ = ["draw_assignment", "draw_detections"]
