"""Reading and writing weights, our own and those of other frameworks."""

from . import path_handlers  # noqa: F401  registers torchvision:// and swin://
from .checkpointer import Checkpointer

__all__ = ["Checkpointer"]
