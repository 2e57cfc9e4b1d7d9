"""Findings in data, some of which stop training."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from dual_weighting.utils.errors import UserError

NUM_SHOWN = 5


@dataclass(frozen=True)
class Finding:
    """Findings of one kind.

    Attributes:
        what: the kind in the plural, such as "boxes without area".
        items: descriptions with file, image id and annotation id.
        advice: what happens to them, or what to do.
        stops: whether they stop training.
    """

    what: str
    items: Sequence[str] = field(repr=False)
    advice: str = ""
    stops: bool = False

    def text(self, num_shown: int = NUM_SHOWN) -> str:
        """A line for the kind, followed by the first items."""
        advice = f" ({self.advice})" if self.advice else ""
        lines = [f"  {self.what}: {len(self.items):,}{advice}"]
        lines += [f"    {item}" for item in self.items[:num_shown]]
        if len(self.items) > num_shown:
            lines.append(f"    ... and {len(self.items) - num_shown:,} more")
        return "\n".join(lines)

    def sentence(self) -> str:
        return f"{len(self.items)} {self.what} ({self.advice}): {some(self.items)}."


def check(findings: Iterable[Finding], source: str) -> None:
    """Raise `UserError` for the first finding that stops training, if any."""
    for finding in findings:
        if finding.stops and finding.items:
            others = f" (and {len(finding.items) - 1} more)" if finding.items[1:] else ""
            raise UserError(f"In {source}, {finding.items[0]}{others}; {finding.advice}.")


def report(findings: Iterable[Finding], num_shown: int = NUM_SHOWN) -> str:
    """All findings, those that stop training first."""
    findings = [finding for finding in findings if finding.items]
    parts = []
    for title, stops in (("This would stop training:", True), ("Worth a look:", False)):
        texts = [finding.text(num_shown) for finding in findings if finding.stops == stops]
        if texts:
            parts.append("\n".join([title, *texts]))
    if not any(finding.stops for finding in findings):
        parts.append("None of this would stop training." if parts else "Nothing is wrong.")
    return "\n".join(parts)


def some(items: Sequence[str], number: int = NUM_SHOWN) -> str:
    """The first few items."""
    return ", ".join(items[:number]) + (", ..." if len(items) > number else "")
