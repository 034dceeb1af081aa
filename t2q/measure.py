"""Peak memory of this process and all its children, sampled while a stage works."""

from __future__ import annotations

import threading
from types import TracebackType

import psutil

SECONDS_BETWEEN_SAMPLES = 0.25


def tree_memory() -> int:
    """Resident bytes of this process and its children, added up. Pages that they share count more than once."""
    own = psutil.Process()
    total = 0
    for process in [own, *own.children(recursive=True)]:
        try:
            total += process.memory_info().rss
        except psutil.Error:  # it ended meanwhile
            continue
    return total


class PeakMemory:
    """`with PeakMemory() as memory: ...; memory.bytes`."""

    def __init__(self) -> None:
        self.bytes = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True, name="peak-memory")

    def _sample(self) -> None:
        while not self._stop.wait(SECONDS_BETWEEN_SAMPLES):
            self.bytes = max(self.bytes, tree_memory())

    def __enter__(self) -> PeakMemory:
        self.bytes = tree_memory()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self.bytes = max(self.bytes, tree_memory())
