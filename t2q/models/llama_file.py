"""llama.cpp's C interface, quiet: loading a GGUF file, its tokens, and the last error that the library logged."""

from __future__ import annotations

import ctypes
from collections import deque
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from t2q.errors import T2QError

_log: deque[str] = deque(maxlen=100)
_callbacks: list[Any] = []  # the library holds bare pointers to them


@cache
def llama() -> ModuleType:
    """The bindings, with the library's log kept in memory instead of printed."""
    import llama_cpp

    @llama_cpp.llama_log_callback
    def keep(_level: int, text: bytes, _data: int) -> None:
        _log.append(text.decode(errors="replace"))

    _callbacks.append(keep)
    llama_cpp.llama_log_set(keep, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    return llama_cpp


def native_error() -> str:
    """The last error that llama.cpp logged, without its function's name."""
    lines = [line.strip() for line in _log if "error" in line.lower() or "failed" in line.lower()]
    return lines[-1].partition(": ")[2] if lines else "it gave no reason"


class LlamaFile:
    """A GGUF file loaded by llama.cpp: its vocabulary and, unless `vocabulary_only`, its weights.

    Raises T2QError where the file cannot be loaded.
    """

    def __init__(self, path: Path, vocabulary_only: bool = False) -> None:
        api = llama()
        if not path.is_file():
            raise T2QError(f"{path} does not exist")
        parameters = api.llama_model_default_params()
        parameters.vocab_only = vocabulary_only
        # weights repacked for AMX end in a segmentation fault (https://github.com/ggml-org/llama.cpp/issues/20824)
        parameters.use_extra_bufts = b"AMX_INT8 = 1" not in api.llama_print_system_info()
        _log.clear()
        self.model: Any = api.llama_model_load_from_file(str(path).encode(), parameters)
        if not self.model:
            raise T2QError(f"{path} is no GGUF file that llama.cpp can load: {native_error()}")
        self._pieces: dict[int, str | None] = {}
        self._vocab = api.llama_model_get_vocab(self.model)
        self.n_vocab: int = api.llama_vocab_n_tokens(self._vocab)

    @property
    def end_id(self) -> int:
        return int(llama().llama_vocab_eos(self._vocab))

    @property
    def end_token(self) -> str:
        """The end token as it is written."""
        text: bytes = llama().llama_vocab_get_text(self._vocab, self.end_id)
        return text.decode()

    @property
    def context_length(self) -> int:
        """Tokens of the context that the model was trained for."""
        return int(self.metadata(f"{self.metadata('general.architecture')}.context_length"))

    def metadata(self, key: str) -> str:
        """A value of the file's header, "" where there is none."""
        buffer = ctypes.create_string_buffer(1 << 16)
        count = llama().llama_model_meta_val_str(self.model, key.encode(), buffer, len(buffer))
        return buffer.value.decode() if count >= 0 else ""

    def encode(self, text: str) -> list[int]:
        """Token ids, with the beginning token where the file asks for it; special tokens' spellings stay text."""
        data = text.encode()
        tokens = (llama().llama_token * (len(data) + 2))()
        count = llama().llama_tokenize(self._vocab, data, len(data), tokens, len(tokens), True, False)
        return list(tokens[:count])

    def decode(self, ids: Sequence[int]) -> str:
        tokens = (llama().llama_token * len(ids))(*ids)
        size = 16 * len(ids) + 16
        while True:
            buffer = ctypes.create_string_buffer(size)
            count = llama().llama_detokenize(self._vocab, tokens, len(ids), buffer, size, False, False)
            if count >= 0:
                return buffer.raw[:count].decode(errors="replace")
            size = -count

    def piece(self, token: int) -> str | None:
        """A token's bytes, one Latin-1 character each; None of one that ends an answer, "" of one that says nothing."""
        if token not in self._pieces:
            buffer = ctypes.create_string_buffer(256)
            count = llama().llama_token_to_piece(self._vocab, token, buffer, len(buffer), 0, False)
            self._pieces[token] = None if self.ends(token) else buffer.raw[: max(0, count)].decode("latin-1")
        return self._pieces[token]

    def ends(self, token: int) -> bool:
        """Whether the token ends an answer."""
        return bool(llama().llama_vocab_is_eog(self._vocab, token))

    def close(self) -> None:
        if self.model:
            llama().llama_model_free(self.model)
            self.model = None

    def __enter__(self) -> LlamaFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
