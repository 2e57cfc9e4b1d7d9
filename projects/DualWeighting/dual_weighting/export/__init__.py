"""Trained detectors as files that run without this project: ONNX, and programs of torch.export."""

from .wrapper import ExportableDetector

__all__ = ["ExportableDetector"]
