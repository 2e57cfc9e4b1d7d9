"""The console command `dual-weighting`; `python -m dual_weighting.cli` is the same."""
