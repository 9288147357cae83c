"""What `racer doctor` found, as a whole: who works, what is broken, and the house. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from racer.accounts.diagnosis import Standing, Verdict
from racer.cli.house import Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from racer.cli.checkup import Finding
    from racer.cli.house import Note


@dataclass(frozen=True, slots=True)
class Report:
    """`called`: a finding for each account; `others`: for each provider that nobody could call.

    `named`: the user asked for these providers, so nothing is too small to be told.
    """

    called: tuple[Finding, ...]
    others: tuple[Finding, ...]
    house: tuple[Note, ...]
    named: bool = False

    @property
    def working(self) -> int:
        return sum(each.diagnosis.standing is Standing.GOOD for each in self.called)

    @property
    def healthy(self) -> bool:
        """At least one account works, and none that is set up is broken."""
        broken = any(each.diagnosis.standing is Standing.BROKEN for each in (*self.called, *self.others))
        return self.working > 0 and not broken and all(note.level is not Level.PROBLEM for note in self.house)

    def troubles(self) -> Iterator[Finding]:
        """What is told at length."""
        for each in (*self.called, *self.others):
            standing = each.diagnosis.standing
            if standing is not Standing.GOOD and (self.named or standing is not Standing.ABSENT):
                yield each

    def usual(self) -> list[Finding]:
        """What takes no more than a line: it was never set up, was taken out, or is not there today."""
        if self.named:
            return []
        return [each for each in self.others if each.diagnosis.standing is Standing.ABSENT]

    def to_dict(self, now: float) -> dict[str, Any]:
        """Plain values, as `--json` prints them. `now` in unix seconds."""
        return {
            "healthy": self.healthy,
            "working": self.working,
            "called": sum(each.diagnosis.verdict is not Verdict.NOT_CALLED for each in self.called),
            "accounts": [each.to_dict(now) for each in (*self.called, *self.others)],
            "house": [note.to_dict() for note in self.house],
        }
