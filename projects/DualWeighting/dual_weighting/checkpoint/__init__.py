"""Reading and writing weights, our own and those of other frameworks."""

from .checkpointer import Checkpointer

__all__ = ["Checkpointer"]
