"""Comparison of configs over several seeds, and of finished runs."""
