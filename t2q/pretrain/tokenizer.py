"""The base's own tokenizer: byte-level BPE in which names never swallow the space before them.

A name must be the same tokens wherever it stands (`customers.city`, ` city`, `(city`), or a small model cannot copy it
from the schema. So merges are learnt on text without spaces, and digits stand alone; only keywords, operators and
function words, which nothing is called, are joined with their space afterwards. Known limit: a rare name that begins
like one of them, ` island` like ` is`, is cut differently behind a space than behind a dot.

The way text is cut into words is the one that llama.cpp calls "deepseek-coder": unlike GPT-2's, it does not tear
`'shipped'` into `'s` and `hipped`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

# SQL and Cypher keywords and operators, type names of the schema text, English function words.
_JOINED = (
    "SELECT FROM WHERE JOIN ON AND OR AS DISTINCT GROUP ORDER BY HAVING LIMIT DESC ASC NOT EXISTS NULL IS IN LIKE "
    "BETWEEN UNION MATCH RETURN WITH CONTAINS STARTS INTEGER = < > <= >= <> - ( ' "
    "integer float boolean the of and are is what which how many with whose for all each in that have has to by me "
    "there do than where from a on at not no any or between above below under over whether does it its an"
)

BOS, EOS, PAD = "<s>", "</s>", "<pad>"
LLAMA_CPP_PRE = "deepseek-coder"


def _cut(drop_spaces: bool) -> pre_tokenizers.PreTokenizer:
    spaces = [pre_tokenizers.Split(" ", "removed")] if drop_spaces else []
    return pre_tokenizers.Sequence(
        [
            *spaces,
            pre_tokenizers.Split(Regex("[\r\n]"), "isolated"),
            pre_tokenizers.Split(Regex(r"\s?\p{L}+"), "isolated"),
            pre_tokenizers.Split(Regex(r"\s?\p{P}+"), "isolated"),
            pre_tokenizers.Split(Regex("[一-龥ࠀ-一가-퟿]+"), "isolated"),
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def train_tokenizer(texts: Iterable[str], vocab_size: int) -> Tokenizer:
    """A tokenizer of `vocab_size` entries, special tokens included."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = _cut(drop_spaces=True)
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - len(_JOINED.split()),
        special_tokens=[BOS, EOS, PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer = _join_spaces(tokenizer, vocab_size)
    tokenizer.pre_tokenizer = _cut(drop_spaces=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _join_spaces(tokenizer: Tokenizer, vocab_size: int) -> Tokenizer:
    """With a last merge for each of `_JOINED` that joins the space before it to it, filled up to `vocab_size`."""
    data = json.loads(tokenizer.to_str())
    vocabulary, merges = data["model"]["vocab"], data["model"]["merges"]
    for word in _JOINED.split():
        if word in vocabulary and f"Ġ{word}" not in vocabulary:
            vocabulary[f"Ġ{word}"] = len(vocabulary)
            merges.append(["Ġ", word])
    for number in range(vocab_size - len(vocabulary)):
        vocabulary[f"<unused{number}>"] = len(vocabulary)
    return Tokenizer.from_str(json.dumps(data))


def save_tokenizer(tokenizer: Tokenizer, folder: Path, max_length: int, chat_template: str) -> None:
    """Writes tokenizer.json, tokenizer_config.json and special_tokens_map.json as Hugging Face and LitGPT read them."""
    tokenizer.save(str(folder / "tokenizer.json"))
    special = {"bos_token": BOS, "eos_token": EOS, "pad_token": PAD}
    config = {
        **special,
        "add_bos_token": True,
        "add_eos_token": False,
        "clean_up_tokenization_spaces": False,
        "model_max_length": max_length,
        "tokenizer_class": "PreTrainedTokenizerFast",
        "chat_template": chat_template,
    }
    for name, data in (("tokenizer_config.json", config), ("special_tokens_map.json", special)):
        (folder / name).write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
