"""What a model has computed of the beginning that all prompts share, kept on the disk for the next process."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from t2q.models.llama_file import llama
from t2q.models.llama_sequences import Sequences

_DIGEST_BYTES = 32


class KeptPrefix:
    """One file in `folder`, named by the model's digest, llama.cpp's version and the tokens; none where either is
    missing. Whatever goes wrong with it costs only the time to compute it anew."""

    def __init__(self, folder: Path | None, model_digest: str) -> None:
        self._folder, self._digest = folder, model_digest

    def load(self, sequences: Sequences, ids: Sequence[int]) -> bool:
        """Whether sequence 0 holds the tokens now."""
        path = self._path(ids)
        if path is None:
            return False
        try:
            data = path.read_bytes()
        except OSError:
            return False
        state = data[_DIGEST_BYTES:]
        return hashlib.sha256(state).digest() == data[:_DIGEST_BYTES] and sequences.restore(state, list(ids))

    def save(self, sequences: Sequences) -> None:
        path = self._path(sequences.prefix)
        if path is None:
            return
        half = path.with_suffix(f".partial-{os.getpid()}")
        state = sequences.state()
        with contextlib.suppress(OSError):
            path.parent.mkdir(exist_ok=True)
            try:
                half.write_bytes(hashlib.sha256(state).digest() + state)
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
