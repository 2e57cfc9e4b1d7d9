"""What the optimizer does with each parameter."""

from .parameter_groups import parameter_groups

__all__ = ["parameter_groups"]
