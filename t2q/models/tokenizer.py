"""The tokenizer of a LitGPT checkpoint or a Hugging Face folder, as answering needs it.

Unlike LitGPT's and transformers' defaults, a special token's spelling inside a text stays text: a question that
contains "</s>" must not end the prompt. llama.cpp does the same when told not to parse special tokens.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from t2q.errors import T2QError


def _byte_level() -> dict[str, int]:
    """The letter that stands for each byte in a byte-level vocabulary (GPT-2's)."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    return {chr(b): b for b in plain} | {chr(256 + i): b for i, b in enumerate(others)}


_BYTES = _byte_level()


class FolderTokenizer:
    """`tokenizer.json` with the beginning and end tokens that `tokenizer_config.json` names.

    `bos_id` is None where prompts get no beginning token. `eos_ids` holds the end token first, then what
    `generation_config.json` adds. Raises T2QError where the folder has no usable tokenizer.
    """

    def __init__(self, folder: Path) -> None:
        from tokenizers import Tokenizer

        self._folder, path = folder, folder / "tokenizer.json"
        if not path.is_file():
            raise T2QError(
                f"{folder} has no tokenizer.json: copy it from the base model; where that has tokenizer.model only, "
                "write it with transformers: AutoTokenizer.from_pretrained(BASE).save_pretrained(FOLDER)"
            )
        self._tokenizer = Tokenizer.from_file(str(path))
        self._tokenizer.encode_special_tokens = True
        self._pieces: dict[int, str] = {}
        self._specials = {i for i, token in self._tokenizer.get_added_tokens_decoder().items() if token.special}
        self.sentencepiece = bool(getattr(self._tokenizer.model, "byte_fallback", False))  # Llama 2's kind, Gemma's
        letter = "".join(self._tokenizer.encode("a", add_special_tokens=False).tokens)
        self.prefix_space = self.sentencepiece and letter.startswith("\u2581")  # before a text's first word
        self.config = read_json(folder / "tokenizer_config.json")
        eos = self._id(self.config.get("eos_token"))
        if eos is None:
            raise T2QError(f"{folder}/tokenizer_config.json names no end token (eos_token): answers could not end")
        more = read_json(folder / "generation_config.json").get("eos_token_id") or []
        self.eos_ids = tuple(dict.fromkeys([eos, *(more if isinstance(more, list) else [more])]))
        self.adds_bos_itself = bool(self._tokenizer.encode("", add_special_tokens=True).ids)
        self.bos_id = self._id(self.config.get("bos_token")) if self._wants_bos() else None

    def begins_as_litgpt(self) -> bool:
        """Whether LitGPT, in training, begins a text with the beginning token where this class does.

        What it goes by is `litgpt.Tokenizer.check_if_bos_token_used`: the folder's name for some models, and not what
        tokenizer.json does.
        """
        name = self._folder.name
        by_name = name.startswith(("Meta-Llama-3", "Llama-3")) or (
            name.startswith("SmolLM2") and name.endswith("Instruct")
        )
        by_class = self.config.get("tokenizer_class") == "LlamaTokenizer"
        return bool(by_name or self.config.get("add_bos_token", by_class)) == (self.bos_id is not None)

    @property
    def eos_tokens(self) -> list[str]:
        """The end tokens as they are written."""
        return [self._tokenizer.id_to_token(i) for i in self.eos_ids]

    def encode(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids if self.bos_id is None else [self.bos_id, *ids]

    def decode(self, ids: Sequence[int]) -> str:
        text: str = self._tokenizer.decode(list(ids), skip_special_tokens=True)
        return text

    def piece(self, token: int) -> str | None:
        """A token's bytes, one Latin-1 character each; None of one that ends an answer, "" of one that says nothing."""
        if token in self.eos_ids:
            return None
        if token not in self._pieces:
            said = token not in self._specials
            self._pieces[token] = self._bytes(self._tokenizer.id_to_token(token)).decode("latin-1") if said else ""
        return self._pieces[token]

    def _bytes(self, text: str | None) -> bytes:
        if text is None:
            return b""
        if self.sentencepiece:
            code = re.fullmatch("<0x([0-9A-F]{2})>", text)
            return bytes([int(code[1], 16)]) if code else text.replace("\u2581", " ").encode()
        return bytes(_BYTES[letter] for letter in text if letter in _BYTES)

    def save_as_said(self, path: Path) -> None:
        """Writes a tokenizer.json that adds the beginning token to every text where prompts get one, and else not."""
        from tokenizers.processors import TemplateProcessing

        bos = [] if self.bos_id is None else [(self._tokenizer.id_to_token(self.bos_id), self.bos_id)]
        template = [*(token for token, _ in bos), "$A"]
        self._tokenizer.post_processor = TemplateProcessing(single=template, special_tokens=bos)
        self._tokenizer.save(str(path))

    def _id(self, token: str | dict[str, Any] | None) -> int | None:
        text = token.get("content") if isinstance(token, dict) else token
        found: int | None = self._tokenizer.token_to_id(text) if text else None
        return found

    def _wants_bos(self) -> bool:
        """`add_bos_token` where it is said, else what the tokenizer itself adds (Llama 3), else the Llama 2 default."""
        said = self.config.get("add_bos_token")
        if said is not None:
            return bool(said)
        return self.adds_bos_itself or self.config.get("tokenizer_class") in ("LlamaTokenizer", "LlamaTokenizerFast")


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file, empty where there is no such file. Raises T2QError where it is not JSON."""
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError as error:
        raise T2QError(f"{path} is not JSON ({error}): get the file again from the base model") from error
    return content
