"""Points in time as people write them on the command line."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

import typer

_UNITS = {"h": "hours", "d": "days", "w": "weeks"}
_AGO = re.compile(rf"(\d+)([{''.join(_UNITS)}])")


def point_in_time(text: str) -> datetime:
    """ "7d" is seven days ago; a date begins at midnight here; a time may name its zone. Raises typer.BadParameter."""
    try:
        if ago := _AGO.fullmatch(text.strip().lower()):
            return datetime.now(timezone.utc) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        return datetime.fromisoformat(text.strip()).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            f"{text!r} is no time: write 7d, 12h or 2w (ago), 2026-11-01 or 2026-11-01T14:30"
        ) from None
