"""Reads and writes checkpoints, also those of other frameworks."""

from . import path_handlers  # noqa: F401  registers torchvision:// and swin://
from .checkpointer import Checkpointer

__all__ = ["Checkpointer"]
