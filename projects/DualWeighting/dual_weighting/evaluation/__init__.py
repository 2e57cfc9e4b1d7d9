"""Metrics of detectors, and diagnosis of their errors."""
