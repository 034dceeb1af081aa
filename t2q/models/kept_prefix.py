"""What a model has computed of the beginning that all prompts share, kept on the disk for the next process."""

from __future__ import annotations

import contextlib
import hashlib
import os
import zlib
from collections.abc import Sequence
from pathlib import Path

from t2q.models.llama_file import llama
from t2q.models.llama_sequences import Sequences

_SUM_BYTES = 4


class KeptPrefix:
    """One file in `folder`, named by the model's digest, llama.cpp's version and the tokens; none where either is
    missing. Whatever goes wrong with it costs only the time to compute it anew."""

    def __init__(self, folder: Path | None, model_digest: str) -> None:
        self._folder, self._digest = folder, model_digest

    def read(self, ids: Sequence[int]) -> memoryview | None:
        """What `Sequences.restore` takes for the tokens, None where it is not there or damaged."""
        path = self._path(ids)
        if path is None:
            return None
        try:
            data = bytearray(path.stat().st_size)
            with path.open("rb") as file:
                file.readinto(data)
        except OSError:
            return None
        state, read = memoryview(data)[:-_SUM_BYTES], data[-_SUM_BYTES:]
        return state if state and _sum(state) == read else None

    def save(self, sequences: Sequences) -> None:
        path = self._path(sequences.prefix)
        if path is None:
            return
        half = path.with_suffix(f".partial-{os.getpid()}")
        state = sequences.state()
        with contextlib.suppress(OSError):
            path.parent.mkdir(exist_ok=True)
            try:
                with half.open("wb") as file:
                    file.write(state)
                    file.write(_sum(state))
                half.replace(path)
            finally:
                half.unlink(missing_ok=True)
            for old in path.parent.glob("prefix-*.kv"):
                if old != path:
                    old.unlink(missing_ok=True)

    def _path(self, ids: Sequence[int]) -> Path | None:
        if self._folder is None or not self._digest or not ids:
            return None
        said = "\0".join([self._digest, llama().__version__, *map(str, ids)])
        return self._folder / f"prefix-{hashlib.sha256(said.encode()).hexdigest()[:16]}.kv"


def _sum(state: bytes | memoryview) -> bytes:
    """Against damage: whoever may write here may write the model as well."""
    return zlib.crc32(state).to_bytes(_SUM_BYTES, "big")
