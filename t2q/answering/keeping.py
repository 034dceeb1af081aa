"""The log of a run, for somebody who waits at a terminal: opened after the first answer, which it never costs."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console

from t2q.answering.answer import Answer
from t2q.answering.asker import Asker
from t2q.errors import LogError

if TYPE_CHECKING:
    from t2q.log.interaction import Log


class Keeping:
    """Records what is asked, where it is `wanted`; use as a context manager. What fails is a line on stderr."""

    def __init__(self, run: Path, asker: Asker, wanted: bool = True) -> None:
        self._run, self._asker, self._wanted = run, asker, wanted
        self._log: Log | None = None

    def record(self, question: str, found: Answer) -> None:
        if not self._wanted:
            return
        try:
            if self._log is None:
                self._wanted = False  # to be opened once: a server that is not there takes its time
                from t2q.log.store import open_log

                self._log = open_log(self._run)
                self._wanted = True
            self._log.record(question, found, "ask", self._asker.schema.digest, self._asker.model_digest)
        except LogError as error:
            Console(stderr=True).print(f"not kept: {error}", style="dim", markup=False, highlight=False, soft_wrap=True)

    def __enter__(self) -> Keeping:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._log:
            self._log.close()
