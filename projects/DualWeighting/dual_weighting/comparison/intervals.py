"""Paired bootstrap intervals for differences of AP."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import hotcoco

from dual_weighting.report.run import RunFiles, get

NUM_RESAMPLES = 200


@dataclass(frozen=True)
class Interval:
    """A difference in AP, in percent, with its 95% interval."""

    change: float
    low: float = math.nan
    high: float = math.nan

    def __str__(self) -> str:
        if math.isnan(self.low):
            return f"{self.change:+.1f}" if math.isfinite(self.change) else "—"
        return f"{self.change:+.1f} [{self.low:+.1f}, {self.high:+.1f}]"


def paired_interval(
    first: RunFiles, second: RunFiles, *, num_resamples: int = NUM_RESAMPLES
) -> Interval:
    """AP of the second run minus AP of the first, with a paired bootstrap over the images that both
    were evaluated on."""
    change = second.numbers().get("AP", math.nan) - first.numbers().get("AP", math.nan)
    found = [get(lambda run=run: run.diagnosis, None) for run in (first, second)]
    if any(x is None or x.evaluation is None for x in found):
        return Interval(change)
    if found[0].truth.image_ids != found[1].truth.image_ids:
        return Interval(change)
    compared = hotcoco.compare(*(x.evaluation for x in found), n_bootstrap=num_resamples)
    bounds = compared["ci"]["AP"]
    return Interval(change, 100 * bounds["lower"], 100 * bounds["upper"])


def mean_interval(intervals: Sequence[Interval]) -> Interval:
    """The mean difference of several pairs of runs on the same images, such as one pair per seed.
    Averaging the bounds gives an upper limit of the interval, reached if all seeds err on the same
    images."""
    columns = zip(*((x.change, x.low, x.high) for x in intervals), strict=True)
    return Interval(*(sum(column) / len(intervals) for column in columns))
