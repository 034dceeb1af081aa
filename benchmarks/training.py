"""How long a training step takes on a CPU, one change after the other, by turns in one process.

    python benchmarks/training.py runs/shop-sql [--rounds 5]

Reads the questions that the run prepared. Every way computes the same loss, which is printed beside its time.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from t2q.large_pages import restart_with_large_pages

if __name__ == "__main__":
    restart_with_large_pages()

import torch
from litgpt.data.base import get_sft_collate_fn
from litgpt.lora import GPT, Config, LoRALinear, LoRAQKVLinear, mark_only_lora_as_trainable
from litgpt.tokenizer import Tokenizer
from litgpt.utils import chunked_cross_entropy

from t2q.bases import litgpt_checkpoint
from t2q.training import packed_model
from t2q.training.packed import PackedPairs
from t2q.training.packed_row import IGNORE, pack

PAIRS = 16  # in a step
BATCHES = 2  # different ones, in every round


@contextmanager
def litgpts_own_layers() -> Iterator[None]:
    """Adapted layers and attention as LitGPT has them, but for the mask of a packed row."""
    layers = {layer: layer.forward for layer in (LoRALinear, LoRAQKVLinear)}
    by_pairs = packed_model._by_pairs
    for layer, forward in layers.items():
        layer.forward = forward.__wrapped__  # type: ignore[attr-defined,method-assign]
    packed_model._by_pairs = lambda *_: False
    try:
        yield
    finally:
        packed_model._by_pairs = by_pairs
        for layer, forward in layers.items():
            layer.forward = forward  # type: ignore[method-assign]


def model_of(checkpoint: Path) -> GPT:
    config = Config.from_file(
        checkpoint / "model_config.yaml", lora_r=16, lora_alpha=32, lora_query=True, lora_key=True, lora_value=True,
        lora_projection=True, lora_mlp=True,
    )  # fmt: skip
    torch.manual_seed(7)
    model = GPT(config)
    mark_only_lora_as_trainable(model)
    model.load_state_dict(torch.load(checkpoint / "lit_model.pth", mmap=True), strict=False)
    return model


def step(model: GPT, batch: dict[str, Any]) -> float:
    """The loss, after its gradients are computed as LitGPT's loop does."""
    model.zero_grad()
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(batch["input_ids"], lm_head_chunk_size=128)
        logits[-1] = logits[-1][..., :-1, :]
        loss = chunked_cross_entropy(logits, batch["labels"][..., 1:])
    loss.backward()
    return loss.item()


def shipped(model: GPT, row: dict[str, Any]) -> float:
    """The loss, after its gradients are computed as the training does: the head's are never all in memory."""
    model.zero_grad()
    with torch.autocast("cpu", torch.bfloat16):
        loss = packed_model.answer_loss(model, row) / (row["labels"] != IGNORE).sum()
    loss.backward()
    return loss.item()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path, help="a run folder in which `prepare` is done")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    run, rounds = given.run, given.rounds
    checkpoint = litgpt_checkpoint("t2q/pico")
    data = PackedPairs(run / "prepare" / "litgpt", seed=7)
    data.connect(Tokenizer(checkpoint), PAIRS)
    data.setup()
    samples = [[data.train_dataset[PAIRS * b + i] for i in range(PAIRS)] for b in range(BATCHES)]
    plain = [get_sft_collate_fn(ignore_index=IGNORE)(group) for group in samples]
    rows = [pack(group) for group in samples]
    model = model_of(checkpoint)

    def own(batch: dict[str, Any]) -> float:
        with litgpts_own_layers():
            return step(model, batch)

    ways: dict[str, tuple[Callable[[dict[str, Any]], float], list[dict[str, Any]]]] = {
        "LitGPT's rows": (own, plain),
        "packed rows": (own, rows),
        "and our layers": (lambda batch: step(model, batch), rows),
        "and our loss": (lambda row: shipped(model, row), rows),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    losses: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + 1):  # the first makes the kernels
        for name, (compute, batches) in ways.items():
            for batch in batches:
                began = time.perf_counter()
                losses[name].append(compute(batch))
                if turn:
                    times[name].append(time.perf_counter() - began)
    first = statistics.median(times["LitGPT's rows"])
    for name, taken in times.items():
        median = statistics.median(taken)
        tokens = sum(batch["input_ids"].numel() for batch in ways[name][1]) // BATCHES
        print(
            f"{name:14} {median * 1e3:6.0f} ms a step of {PAIRS} pairs ({tokens:6,} tokens), {PAIRS / median:5.1f} "
            f"pairs/s, {first / median:4.1f} times; loss {statistics.mean(losses[name]):.4f}"
        )


if __name__ == "__main__":
    main()
