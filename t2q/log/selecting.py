"""What the command line names of a log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from t2q.errors import LogError
from t2q.log.interaction import Interaction, Log, Rating, Wanted


@dataclass(frozen=True)
class Selection:
    """As `Wanted`, but for ids, of which the beginnings are given."""

    since: datetime | None = None
    until: datetime | None = None
    rating: str | None = None
    corrected: bool | None = None
    abstained: bool | None = None
    text: str = ""
    beginnings: Sequence[str] = ()

    def wanted(self, log: Log) -> Wanted:
        """Raises LogError where a beginning is of no id, or of several."""
        return Wanted(
            self.since,
            self.until,
            cast("Rating | None", self.rating),
            self.corrected,
            self.abstained,
            self.text,
            [named(log, beginning).id for beginning in self.beginnings] if self.beginnings else None,
        )


def named(log: Log, beginning: str) -> Interaction:
    """The one whose id begins so. Raises LogError where there is none, or several."""
    found = list(log.find(Wanted(beginning=beginning.strip().lower()), limit=2))
    if not beginning.strip() or len(found) > 1:
        raise LogError(f"several ids begin with {beginning!r}: write more of it, as `t2q log list` shows it")
    if not found:
        raise LogError(f"the log has no interaction {beginning!r}: `t2q log list` shows what is there")
    return found[0]
