"""Small models made on the spot: a Llama shape as pico has it, and a Qwen2 shape, each with its own tokenizer.

They are trained for a few seconds on a handful of questions, so that answers differ, end, and do not hang on rounding.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import yaml
from litgpt import GPT, Config
from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors, trainers
from tokenizers import models as tokenizer_models
from transformers import LlamaConfig, PreTrainedConfig, Qwen2Config

from t2q.prompt import render

torch.set_num_threads(1)  # so small matrices are slower with more

DATABASE = """SQLite
customers: id integer key, name text 'Ada' 'Bob' 'Zoë', joined date '2024-01-02', city_id integer -> cities.id
cities: id integer key, name text 'Paris' 'Oslo' '東京', country text 'France' 'Norway' 'Japan'
orders: id integer key, customer_id integer -> customers.id, status text 'shipped' 'open' 'lost', total float
"order lines": id integer key, order_id integer -> orders.id, "unit price" float, quantity integer"""

PAIRS = [
    ("How many customers are there?", "SELECT COUNT(*) FROM customers"),
    ("How many cities are there?", "SELECT COUNT(*) FROM cities"),
    ("How many orders are there?", "SELECT COUNT(*) FROM orders"),
    ("Names of all customers", "SELECT name FROM customers"),
    ("Names of all cities in Norway", "SELECT name FROM cities WHERE country = 'Norway'"),
    ("Which orders are shipped?", "SELECT id FROM orders WHERE status = 'shipped'"),
    ("Which orders are lost?", "SELECT id FROM orders WHERE status = 'lost'"),
    ("Total of open orders", "SELECT SUM(total) FROM orders WHERE status = 'open'"),
    (
        "Customers who live in Paris",
        "SELECT customers.name FROM customers JOIN cities ON cities.id = customers.city_id WHERE cities.name = 'Paris'",
    ),
    ("What is the salary of Ada?", "I don't know: there is no salary in the database"),
    ('Sum of "unit price" for 東京', 'SELECT SUM("unit price") FROM "order lines"'),
    ("Who won the match 🚀?", "I don't know: the database has no matches"),
]
QUESTIONS = [question for question, _ in PAIRS]

# deepseek-coder's, so that llama.cpp knows it by that name
DEEPSEEK_CODER = pre_tokenizers.Sequence(
    [
        pre_tokenizers.Split(Regex("[\r\n]"), "isolated"),
        pre_tokenizers.Split(Regex("\\s?\\p{L}+"), "isolated"),
        pre_tokenizers.Split(Regex("\\s?\\p{P}+"), "isolated"),
        pre_tokenizers.Split(Regex("[一-龥ࠀ-一가-퟿]+"), "isolated"),
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ]
)
QWEN2_WORDS = (
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*"
    "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
)
QWEN2 = pre_tokenizers.Sequence(
    [
        pre_tokenizers.Split(Regex(QWEN2_WORDS), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ]
)


def llama_checkpoint(folder: Path, steps: int = 80, **changes: Any) -> Path:
    """A LitGPT checkpoint shaped like pico: Llama, tied embeddings, byte-level BPE, beginning token."""
    tokenizer = byte_level(DEEPSEEK_CODER, 640, ["<s>", "</s>", "<pad>"])
    # transformers 5 goes by this, not by add_bos_token
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    tokenizer_config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<s>",
        "eos_token": "</s>",
        "pad_token": "<pad>",
        "add_bos_token": True,
        "add_eos_token": False,
        "clean_up_tokenization_spaces": False,
        "model_max_length": 1024,
    }
    return checkpoint(folder, _llama_config(640), tokenizer, tokenizer_config, LlamaConfig, steps, **changes)


def llama2_checkpoint(folder: Path) -> Path:
    """A LitGPT checkpoint with a tokenizer like Llama 2's: sentencepiece's BPE with byte fallback."""
    tokenizer = sentencepiece(600)
    tokenizer_config = {
        "tokenizer_class": "LlamaTokenizer",
        "bos_token": {"__type": "AddedToken", "content": "<s>", "normalized": False},
        "eos_token": {"__type": "AddedToken", "content": "</s>", "normalized": False},
        "unk_token": {"__type": "AddedToken", "content": "<unk>", "normalized": False},
        "add_bos_token": True,
        "legacy": False,
    }
    size = -(-tokenizer.get_vocab_size() // 64) * 64
    return checkpoint(folder, _llama_config(size), tokenizer, tokenizer_config, LlamaConfig, 80)


def qwen_checkpoint(folder: Path) -> Path:
    """A LitGPT checkpoint shaped like Qwen2.5: attention bias, grouped queries, ids beyond the tokenizer's."""
    config = Config.from_name(
        "Qwen2.5-0.5B",
        block_size=1024,
        vocab_size=640,
        padded_vocab_size=704,
        n_layer=2,
        n_head=8,
        n_query_groups=2,
        n_embd=256,
        intermediate_size=768,
    )
    return checkpoint(folder, config, qwen_tokenizer(), QWEN_TOKENIZER, Qwen2Config, 80)


QWEN_TOKENIZER = {
    "tokenizer_class": "Qwen2Tokenizer",
    "bos_token": None,
    "eos_token": "<|endoftext|>",
    "pad_token": "<|endoftext|>",
    "add_bos_token": False,
    "clean_up_tokenization_spaces": False,
    "model_max_length": 1024,
    "chat_template": "{{ 'the base model has another template' }}",
}


def qwen_tokenizer() -> Tokenizer:
    tokenizer = byte_level(QWEN2, 637, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], normalizers.NFC())
    tokenizer.add_tokens([AddedToken("<tool_call>", normalized=False, special=False)])
    return tokenizer


def _llama_config(vocab_size: int) -> Config:
    return Config(
        name="t2q-pico",
        hf_config={"org": "t2q", "name": "pico"},
        block_size=1024,
        vocab_size=vocab_size,
        padded_vocab_size=vocab_size,
        n_layer=2,
        n_head=8,
        n_query_groups=8,
        n_embd=256,
        rotary_percentage=1.0,
        parallel_residual=False,
        bias=False,
        norm_class_name="RMSNorm",
        norm_eps=1e-5,
        mlp_class_name="LLaMAMLP",
        intermediate_size=768,
        rope_base=10000,
    )


def corpus() -> list[str]:
    """What the tokenizers are trained on and the models learn."""
    return [render(DATABASE, question) + answer for question, answer in PAIRS]


def byte_level(
    pre_tokenizer: pre_tokenizers.PreTokenizer,
    size: int,
    special: list[str],
    normalizer: normalizers.Normalizer | None = None,
) -> Tokenizer:
    tokenizer = Tokenizer(tokenizer_models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    if normalizer:
        tokenizer.normalizer = normalizer
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus(), trainer)
    return tokenizer


LLAMA_SPECIALS = ("<unk>", "<s>", "</s>")


def sentencepiece(
    size: int, specials: Sequence[str] = LLAMA_SPECIALS, runs: Sequence[str] = (), prefix: bool = True
) -> Tokenizer:
    """Runs, bytes, pieces by rank, characters; every pair that makes a piece is a merge, as in converted models.

    `runs`: of spaces and newlines, tokens of their own in Gemma's. `prefix`: a text gets a space in front.
    """
    trained = Tokenizer(tokenizer_models.BPE())
    trained.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.BpeTrainer(vocab_size=size - 256 - len(specials) - len(runs), show_progress=False)
    trained.train_from_iterator([text.replace("\n", " ") for text in corpus()], trainer)
    pieces = [piece for piece, _ in sorted(trained.get_vocab().items(), key=lambda item: item[1])]
    pieces.sort(key=lambda piece: len(piece) == 1)
    pieces = list(dict.fromkeys([*runs, *pieces, *{run[0] for run in runs}]))
    bytes_of = [f"<0x{i:02X}>" for i in range(256)]
    vocab = {token: i for i, token in enumerate([*specials, *pieces[: len(runs)], *bytes_of, *pieces[len(runs) :]])}
    merges = [
        (piece[:cut], piece[cut:])
        for piece in pieces
        for cut in range(1, len(piece))
        if piece[:cut] in vocab and piece[cut:] in vocab
    ]
    tokenizer = Tokenizer(tokenizer_models.BPE(vocab, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    front = [normalizers.Prepend("▁")] if prefix else []
    tokenizer.normalizer = normalizers.Sequence([*front, normalizers.Replace(" ", "▁")])
    strip = [decoders.Strip(" ", 1, 0)] if prefix else []
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), *strip]
    )
    tokenizer.add_special_tokens(list(specials))
    tokenizer.add_tokens([AddedToken(run, normalized=False, special=False) for run in runs])
    bos = next(token for token in specials if token in ("<s>", "<bos>"))
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{bos} $A", special_tokens=[(bos, vocab[bos])])
    return tokenizer


def checkpoint(
    folder: Path,
    config: Config,
    tokenizer: Tokenizer,
    tokenizer_config: dict[str, Any],
    hf: type[PreTrainedConfig],
    steps: int,
    tied: bool = True,
    rope_adjustments: dict[str, Any] | None = None,
    rope_scaling: dict[str, Any] | None = None,
    **more: Any,
) -> Path:
    """`rope_adjustments` is LitGPT's way to say what `rope_scaling` says in config.json, `more` what else that has."""
    config.rope_adjustments = rope_adjustments
    folder.mkdir(parents=True)
    names = (tokenizer_config["bos_token"], tokenizer_config["eos_token"])
    bos, eos = (tokenizer.token_to_id(name["content"] if isinstance(name, dict) else name or "") for name in names)
    tokenizer.save(str(folder / "tokenizer.json"))
    hf_config = {
        "hidden_size": config.n_embd,
        "intermediate_size": config.intermediate_size,
        "num_hidden_layers": config.n_layer,
        "num_attention_heads": config.n_head,
        "num_key_value_heads": config.n_query_groups,
        "rms_norm_eps": config.norm_eps,
        "max_position_embeddings": config.block_size,
        "vocab_size": config.padded_vocab_size,
        "tie_word_embeddings": tied,
        "bos_token_id": bos,
        "eos_token_id": eos,
        **more,
    }
    positions = {"rope_theta": config.rope_base, "rope_scaling": rope_scaling}
    written = hf(**hf_config).to_dict() | positions | {"torch_dtype": "float32"}
    written["architectures"] = [hf.__name__.replace("Config", "ForCausalLM")]
    for key in ("rope_parameters", "layer_types", "dtype"):  # newer than most published files
        written.pop(key, None)
    for name, content in (
        ("tokenizer_config.json", tokenizer_config),
        ("config.json", written),
        ("generation_config.json", {"bos_token_id": bos, "eos_token_id": eos, "do_sample": True, "temperature": 0.7}),
    ):
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    (folder / "model_config.yaml").write_text(yaml.dump(asdict(config)), encoding="utf-8")
    torch.save(_trained(config, tokenizer, bos, eos, tied, steps), folder / "lit_model.pth")
    return folder


def _trained(
    config: Config, tokenizer: Tokenizer, bos: int | None, eos: int, tied: bool, steps: int
) -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    gpt = GPT(config)
    gpt.apply(gpt._init_weights)
    if tied:
        gpt.lm_head.weight = gpt.transformer.wte.weight
    schema = ([] if bos is None else [bos]) + tokenizer.encode(DATABASE, add_special_tokens=False).ids
    own = [
        [tokenizer.encode(text, add_special_tokens=False).ids for text in (render("", question), answer)]
        for question, answer in PAIRS
    ]
    # one row, for speed: the schema, then every pair, which sees the schema and itself
    ids = torch.tensor([schema + [token for prompt, answer in own for token in prompt + answer]])
    owner = torch.tensor([0] * len(schema) + [i for i, (p, a) in enumerate(own, 1) for _ in p + a])
    labels = torch.tensor([-100] * len(schema) + [token for p, a in own for token in [-100] * (len(p) - 1) + a + [eos]])
    positions = torch.tensor([*range(len(schema)), *(len(schema) + j for p, a in own for j in range(len(p + a)))])
    mask = torch.ones(ids.shape[1], ids.shape[1]).tril().bool() & ((owner == 0) | (owner == owner[:, None]))
    optimizer = torch.optim.AdamW(gpt.parameters(), lr=2e-3, weight_decay=0.0)
    for _ in range(steps):
        x = gpt.transformer.wte(ids)
        for block in gpt.transformer.h:
            x = block(x, gpt.cos[positions][None], gpt.sin[positions][None], mask)
        logits = gpt.lm_head(gpt.transformer.ln_f(x[0]))
        loss = torch.nn.functional.cross_entropy(logits, labels, ignore_index=-100)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    state = {name: weight.detach().clone() for name, weight in gpt.state_dict().items()}
    if tied:
        state["lm_head.weight"] = state["transformer.wte.weight"]
    return state
