"""A Hugging Face tokenizer as GGUF writes it: every id up to the padded vocabulary, and the name of its word splitting.

Two kinds are known: byte-level BPE ("gpt2" in GGUF: Qwen2, Llama 3, deepseek-coder, pico) and BPE with byte fallback
("llama": Llama 2, CodeLlama, Mistral, Phi-3, Gemma), whose sentencepiece scores are the ranks of its merges.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gguf import GGUFWriter, TokenType

from t2q.errors import StageError
from t2q.models.llama_file import LlamaFile
from t2q.models.tokenizer import FolderTokenizer, read_json

_CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|"
_REST = "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
# How a tokenizer splits text into words, and what llama.cpp calls it (src/llama-vocab.cpp, tokenizer.ggml.pre).
PRE_TOKENIZERS = {
    ("[\r\n]", "\\s?\\p{L}+", "\\s?\\p{P}+", "[一-龥ࠀ-一가-퟿]+", "digits", "bytes"): "deepseek-coder",
    (f"{_CONTRACTIONS}\\p{{N}}{_REST}", "bytes"): "qwen2",
    (f"{_CONTRACTIONS}\\p{{N}}{{1,3}}{_REST}", "bytes"): "llama-bpe",
    ("digits", "bytes of words"): "smollm",
    ("bytes of words",): "gpt-2",
}
_LOWEST_SCORE = -1e6  # below the rank of any merge
# What tokenizers have been seen to disagree on: llama.cpp must read these as the folder does.
PROBE = (
    "SQLite\ncustomers: id integer key, \"unit price\" float, status text 'shipped' 'Zoë'\r\n\tjoined date '2024-01-02'"
    "\n\n\nQuestion: Who's  paid 1,234.50€ or   more — 東京, 🚀 ½ №7?\nQuery:\n"
    "SELECT * FROM t WHERE a<>'</s>' AND b>=0x1F;\n"
)


@dataclass(frozen=True)
class GGUFVocabulary:
    """What the tokenizer.ggml keys hold. `pre`, `merges` are for "gpt2", `scores` for "llama"."""

    model: str
    tokens: list[str]
    types: list[TokenType]
    pre: str = "default"
    merges: tuple[str, ...] = ()
    scores: tuple[float, ...] = ()

    def write(self, writer: GGUFWriter) -> None:
        writer.add_tokenizer_model(self.model)
        writer.add_tokenizer_pre(self.pre)
        writer.add_token_list(self.tokens)
        writer.add_token_types(self.types)
        if self.merges:
            writer.add_token_merges(self.merges)
        if self.scores:
            writer.add_token_scores(self.scores)


def read_vocabulary(hf_folder: Path, size: int) -> GGUFVocabulary:
    """The vocabulary of a folder's tokenizer.json, filled up to `size` ids.

    Raises StageError where llama.cpp knows no such tokenizer.
    """
    content = read_json(hf_folder / "tokenizer.json")
    model = content["model"]
    if "merges" not in model:
        raise StageError(
            f"{hf_folder}/tokenizer.json is a {model.get('type')} tokenizer, and BPE alone becomes GGUF: "
            "choose a base model of another family"
        )
    added = {token["id"]: token for token in content["added_tokens"]}
    by_id = {i: token for token, i in model["vocab"].items()} | {i: token["content"] for i, token in added.items()}
    if max(by_id) >= size:
        raise StageError(
            f"{hf_folder}/tokenizer.json has {max(by_id) + 1} tokens and the model {size}: they do not belong together"
        )
    byte_fallback = bool(model.get("byte_fallback"))
    tokens, types = [], []
    for i in range(size):
        token = by_id.get(i, f"[PAD{i}]")
        kind = _type(added.get(i), token, i in by_id, byte_fallback)
        # llama.cpp looks for user-defined tokens in the text as it is written
        tokens.append(token.replace("▁", " ") if kind is TokenType.USER_DEFINED else token)
        types.append(TokenType.UNKNOWN if token == model.get("unk_token") else kind)
    merges = [tuple(merge) if isinstance(merge, list) else tuple(merge.split(" ")) for merge in model["merges"]]
    if byte_fallback:
        ranks = {left + right: rank for rank, (left, right) in reversed(list(enumerate(merges)))}
        scores = tuple(-float(ranks[token]) if token in ranks else _LOWEST_SCORE for token in tokens)
        return GGUFVocabulary("llama", tokens, types, scores=scores)
    pre = PRE_TOKENIZERS.get(_signature(content["pre_tokenizer"]))
    if pre is None:
        raise StageError(
            f"{hf_folder}/tokenizer.json splits words in a way that has no known name in llama.cpp: choose a base "
            f"model of another family (known: {', '.join(PRE_TOKENIZERS.values())}, Llama 2)"
        )
    return GGUFVocabulary("gpt2", tokens, types, pre, tuple(f"{left} {right}" for left, right in merges))


def write_tokenizer(writer: GGUFWriter, hf_folder: Path, size: int, tokenizer: FolderTokenizer) -> None:
    """The vocabulary, end and beginning token, and what llama.cpp adds to a prompt.

    That is the beginning token, if the model wants one, and the space that sentencepiece puts before a text.
    """
    read_vocabulary(hf_folder, size).write(writer)
    for add, token in zip((writer.add_eos_token_id, writer.add_eot_token_id), tokenizer.eos_ids, strict=False):
        add(token)
    writer.add_add_bos_token(tokenizer.bos_id is not None)
    writer.add_add_eos_token(False)
    if tokenizer.bos_id is not None:
        writer.add_bos_token_id(tokenizer.bos_id)
    if tokenizer.sentencepiece:
        writer.add_add_space_prefix(tokenizer.prefix_space)


def check_tokenizer(folder: Path, size: int, tokenizer: FolderTokenizer) -> None:
    """Raises StageError where llama.cpp cannot have a folder's tokenizer, or would read a text as other tokens."""
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "vocabulary.gguf"
        writer = GGUFWriter(path, "llama")  # without weights, the architecture means nothing
        write_tokenizer(writer, folder, size, tokenizer)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.close()
        check_tokens(path, tokenizer)


def check_tokens(gguf_path: Path, tokenizer: FolderTokenizer) -> None:
    """Raises StageError where llama.cpp reads a text as other tokens by the file than the tokenizer does."""
    with LlamaFile(gguf_path, vocabulary_only=True) as file:
        found = file.encode(PROBE)
    if found != (expected := tokenizer.encode(PROBE)):
        place = next((i for i, (a, b) in enumerate(zip(found, expected, strict=False)) if a != b), len(found))
        raise StageError(
            "llama.cpp splits text into other tokens than the base's tokenizer.json does "
            f"(first at {tokenizer.decode(expected[place : place + 3])!r}): this base cannot become GGUF"
        )


def _type(added: dict[str, Any] | None, token: str, known: bool, byte_fallback: bool) -> TokenType:
    if not known:
        return TokenType.UNUSED
    if added:
        return TokenType.CONTROL if added["special"] else TokenType.USER_DEFINED
    if byte_fallback and re.fullmatch("<0x[0-9A-F]{2}>", token):
        return TokenType.BYTE
    return TokenType.NORMAL


def _signature(pre_tokenizer: dict[str, Any] | None) -> tuple[str, ...]:
    """What a pre-tokenizer does, in order; parts that cannot be named give a name that matches nothing."""
    if pre_tokenizer is None:
        return ()
    kind = pre_tokenizer["type"]
    if kind == "Sequence":
        return tuple(name for part in pre_tokenizer["pretokenizers"] for name in _signature(part))
    if kind == "Split" and pre_tokenizer["behavior"] == "Isolated" and not pre_tokenizer["invert"]:
        return (pre_tokenizer["pattern"].get("Regex", "a fixed string"),)
    if kind == "Digits" and pre_tokenizer["individual_digits"]:
        return ("digits",)
    if kind == "ByteLevel" and not pre_tokenizer["add_prefix_space"]:
        return ("bytes of words" if pre_tokenizer["use_regex"] else "bytes",)
    return (kind,)
