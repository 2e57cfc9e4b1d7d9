"""What a look at data has found."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

NUM_SHOWN = 5


@dataclass(frozen=True)
class Finding:
    """Things of one kind.

    Attributes:
        what: the kind, such as "boxes without area", to be put before their number.
        items: each of them, by file, image id and annotation id.
        stops: whether a training would stop with an error.
        advice: what happens to them, or what to do.
    """

    what: str
    items: Sequence[str] = field(repr=False)
    stops: bool = False
    advice: str = ""

    def text(self, num_shown: int = NUM_SHOWN) -> str:
        advice = f" ({self.advice})" if self.advice else ""
        lines = [f"  {self.what}: {len(self.items):,}{advice}"]
        lines += [f"    {item}" for item in self.items[:num_shown]]
        if len(self.items) > num_shown:
            lines.append(f"    ... and {len(self.items) - num_shown:,} more")
        return "\n".join(lines)


def report(findings: Iterable[Finding], num_shown: int = NUM_SHOWN) -> str:
    """All findings, those that stop a training first."""
    findings = [finding for finding in findings if len(finding.items)]
    parts = []
    for title, stops in (("This would stop the training:", True), ("Worth a look:", False)):
        texts = [finding.text(num_shown) for finding in findings if finding.stops == stops]
        if texts:
            parts.append("\n".join([title, *texts]))
    if not parts:
        return "Nothing is wrong."
    if not any(finding.stops for finding in findings):
        parts.append("Nothing of it would stop a training.")
    return "\n".join(parts)
