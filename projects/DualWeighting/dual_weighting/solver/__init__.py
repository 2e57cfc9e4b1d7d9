"""Learning rate schedules and parameter groups."""

from .parameter_groups import parameter_groups

__all__ = ["parameter_groups"]
