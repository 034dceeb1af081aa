"""Progress of long work: a bar with the time left in a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress

SECONDS_BETWEEN_LINES = 10.0


class Task(Protocol):
    """One piece of work under way."""

    def advance(self, n: float = 1, note: str = "") -> None:
        """`n` more of the total are done; `note` is shown beside the bar."""
        ...

    def total(self, total: float) -> None:
        """Sets the total once it is known."""
        ...


class Progress:
    """`with progress.task("training", total=300) as task: task.advance(1, note="loss 0.123")`."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)

    @contextmanager
    def task(self, label: str, total: float | None = None) -> Iterator[Task]:
        if not self.console.is_terminal:
            lines = _Lines(self, label, total)
            yield lines
            lines.end()
            return
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("·"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
        )
        with RichProgress(*columns, console=self.console, transient=True) as bar:
            yield _Bar(bar, label, total)

    def say(self, line: str) -> None:
        """A line of its own, above the bar where there is one. Never wrapped, never read as markup."""
        self.console.print(line, markup=False, soft_wrap=True)


class _Bar:
    def __init__(self, bar: RichProgress, label: str, total: float | None) -> None:
        self._bar = bar
        self._task = bar.add_task(label, total=total, note="")

    def advance(self, n: float = 1, note: str = "") -> None:
        self._bar.update(self._task, advance=n)
        if note:
            self._bar.update(self._task, note=note)

    def total(self, total: float) -> None:
        self._bar.update(self._task, total=total)


class _Lines:
    """For logs and pipes: a line now and then, with the time left."""

    def __init__(self, progress: Progress, label: str, total: float | None) -> None:
        self._progress, self._label, self._total = progress, label, total
        self._done, self._note = 0.0, ""
        self._start = self._last = time.monotonic()

    def advance(self, n: float = 1, note: str = "") -> None:
        self._done += n
        self._note = note or self._note
        now = time.monotonic()
        if now - self._last >= SECONDS_BETWEEN_LINES:
            self._last = now
            self._say(f", {duration(self._left(now))} left" if self._total and self._done else "")

    def total(self, total: float) -> None:
        self._total = total

    def end(self) -> None:
        self._say(f" in {duration(time.monotonic() - self._start)}")

    def _left(self, now: float) -> float:
        return (now - self._start) / self._done * max((self._total or 0) - self._done, 0)

    def _say(self, tail: str) -> None:
        of = f"/{self._total:g}" if self._total else ""
        note = f" · {self._note}" if self._note else ""
        self._progress.say(f"  {self._label} {self._done:g}{of}{tail}{note}")


def duration(seconds: float) -> str:
    """3.2 s, 1 min 05 s, 2 h 03 min."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
