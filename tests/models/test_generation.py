"""Batched answers over a shared prefix are those of one prompt at a time, in every loader."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch

from t2q.models import Completion, Model, hf_model, litgpt_model, open_model, torch_model
from t2q.models.base import Turn
from t2q.models.batch import Batch
from t2q.models.prefix import common_prefix
from t2q.models.queue import Row
from t2q.models.shared_attention import SharedPrefix
from t2q.models.writing import Writing
from t2q.prompt import render
from tests.models.builders import DATABASE, QUESTIONS
from tests.models.conftest import Chain

PROMPTS = [render(DATABASE, question) for question in QUESTIONS]
LOADERS = ["lit", "hf", "f32", "q4_k_m"]


def plain_greedy(model: Model, prompt: str, end: set[int], limit: int) -> tuple[list[int], float]:
    """The textbook way: all logits again for every token."""
    prompt_ids, answer, logprob = model.encode(prompt), [], 0.0
    while len(answer) < limit and not (answer and answer[-1] in end):
        logits = model.logits(prompt_ids + answer)[-1].astype(np.float64)
        answer.append(int(logits.argmax()))
        logprob += float(logits.max() - np.logaddexp.reduce(logits))
    return answer, logprob


def same(first: Completion, second: Completion) -> bool:
    return (first.text, first.tokens, first.finished) == (second.text, second.tokens, second.finished) and abs(
        first.logprob - second.logprob
    ) < 0.02


@pytest.mark.parametrize("loader", LOADERS)
def test_batch_is_one_at_a_time(chain: Chain, loader: str) -> None:
    model = chain.models[loader]
    together = model.generate(PROMPTS, 40)
    alone = [model.generate([prompt], 40)[0] for prompt in PROMPTS]
    assert all(same(a, b) for a, b in zip(together, alone, strict=True))
    assert len({c.tokens for c in together}) > 1 and any(c.finished for c in together)


@pytest.mark.parametrize("loader", ["lit", "hf", "f32"])
def test_answers_are_the_textbook_ones(chain: Chain, loader: str) -> None:
    model = chain.models[loader]
    end = set(chain.models["lit"].tokenizer.eos_ids)  # type: ignore[attr-defined]
    for prompt, completion in zip(PROMPTS[:3], model.generate(PROMPTS[:3], 12), strict=True):
        ids, logprob = plain_greedy(model, prompt, end, 12)
        assert (completion.tokens, completion.finished) == (len(ids), ids[-1] in end)
        assert completion.logprob == pytest.approx(logprob, abs=0.02)
        assert completion.text == chain.models["lit"].tokenizer.decode([i for i in ids if i not in end])  # type: ignore[attr-defined]


def test_loaders_write_the_same(chain: Chain) -> None:
    expected = chain.models["lit"].generate(PROMPTS, 40)
    for loader in ("hf", "f32"):
        found = chain.models[loader].generate(PROMPTS, 40)
        assert all(same(a, b) for a, b in zip(expected, found, strict=True)), loader


@pytest.mark.parametrize("loader", LOADERS)
def test_prompts_of_any_length_and_start(chain: Chain, loader: str) -> None:
    """No common schema, own parts from one token to hundreds, more prompts than sequences."""
    model = chain.models[loader]
    prompts = [*PROMPTS[:3], "x", "SELECT", render("Cypher\nA to C: -[:B]->", "How many?"), DATABASE + PROMPTS[0]] * 3
    together = model.generate(prompts, 10)
    assert all(same(a, b) for a, b in zip(together, together[7:] + together[:7], strict=True))
    assert all(same(a, model.generate([p], 10)[0]) for a, p in zip(together[:7], prompts, strict=False))


@pytest.mark.parametrize("loader", LOADERS)
def test_an_answer_in_circles_is_cut_and_leaves_the_others_alone(chain: Chain, loader: str) -> None:
    model = chain.models[loader]
    short, long = model.generate(PROMPTS, 20), model.generate(PROMPTS, 400)
    assert all(same(a, b) for a, b in zip(short, long, strict=True) if a.finished)
    assert all(b.finished or 20 < b.tokens < 400 for b in long)


@pytest.mark.parametrize("loader", ["lit", "f16"])
def test_limits_and_progress(chain: Chain, loader: str) -> None:
    model, done = chain.models[loader], []
    cut = model.generate(PROMPTS, 3, done.append)
    assert all(c.tokens == 3 and not c.finished for c in cut) and sum(done) == len(PROMPTS)
    assert model.generate([], 3) == []
    nearly_full = "x" + " name" * 1010
    room = model.max_length - len(model.encode(nearly_full))
    assert 0 < room < 20 and model.generate([nearly_full, "x"], 100)[0].tokens <= room
    with pytest.raises(ValueError, match="1024"):
        model.generate([nearly_full + " name" * room])


def test_small_batches_answer_the_same(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = chain.models["lit"].generate(PROMPTS, 20)
    monkeypatch.setitem(torch_model.CACHE_BYTES, "cpu", 1)
    assert all(same(a, b) for a, b in zip(expected, chain.models["lit"].generate(PROMPTS, 20), strict=True))


@pytest.mark.parametrize("loader", ["lit", "hf"])
def test_beginnings_are_read_together_near_the_end_of_the_context(chain: Chain, loader: str) -> None:
    """A long one, and a short one of a prompt that leaves room for little more."""
    model: Any = chain.models[loader]
    beginning = model.encode("SELECT a, b, c, d, e, f, g, h FROM orders WHERE x = 1")[1:]
    own = [model.encode("y"), model.encode("y" + " name" * 1008)]
    assert 0 < model.max_length - len(own[1]) < len(beginning)
    turns = [Turn(tuple(beginning), -1.0), Turn(tuple(beginning[:1]), -1.0)]

    def read(*together: list[int]) -> torch.Tensor:
        shared = SharedPrefix()
        shared.open_rows(4, len(own[1]) + len(beginning))
        batch = Batch(model._hidden, model.device, shared, 0, own, keep=True)
        batch.join([Row(number, Writing(60, model.tokenizer.piece)) for number in range(2)])
        found = []
        for numbers in together:
            rows = [Row(number, Writing(60, model.tokenizer.piece)) for number in numbers]
            for row in rows:
                row.answer.begin(turns[row.prompt])
            found.append(batch.join(rows))
        return torch.cat(found)

    torch.testing.assert_close(read([0, 1]), read([0], [1]), atol=1e-4, rtol=1e-4)


def test_beginnings_are_read_within_the_budget(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    budget, peak = 4 << 20, 0
    model, attend = chain.models["lit"], SharedPrefix.attend

    def measured(shared: SharedPrefix, layer: int, query: torch.Tensor, *rest: Any) -> torch.Tensor:
        nonlocal peak
        rows, heads, new, _ = query.shape
        if shared.own and new > 1:
            peak = max(peak, 8 * rows * heads * new * (shared._end + shared.prefix[layer][0].shape[1]))
        return attend(shared, layer, query, *rest)

    def then(number: int, completion: Completion) -> list[Turn]:
        firsts.setdefault(number, completion)
        return [Turn((*range(5, 80), last), -1.0) for last in range(9)] if firsts[number] is completion else []

    firsts: dict[int, Completion] = {}
    monkeypatch.setitem(torch_model.CACHE_BYTES, "cpu", budget)
    monkeypatch.setattr(SharedPrefix, "attend", measured)
    model.generate([DATABASE + question for question in QUESTIONS], 120, then=then)
    assert 0 < peak <= budget


@pytest.mark.parametrize("loader", ["lit", "hf", "f16"])
def test_the_next_call_goes_on_from_the_same_prefix(chain: Chain, loader: str) -> None:
    model = chain.models[loader]
    first = model.generate(PROMPTS[:1], 20)
    model.logits(model.encode("something else in between"))
    shorter = model.generate(PROMPTS[:2], 20)[:1]
    model.generate(["another schema", "another one"], 2)
    for a, b in pairwise([first, model.generate(PROMPTS[:1], 20), shorter, model.generate(PROMPTS[:3], 20)[:1]]):
        assert same(a[0], b[0])


@pytest.mark.parametrize(
    ("sequences", "length"),
    [([], 0), ([[1, 2, 3]], 2), ([[1, 2, 3], [1, 2, 4, 5]], 2), ([[1, 2], [1, 2, 3]], 1), ([[1], [2]], 0), ([[7]], 0)],
)
def test_common_prefix_leaves_a_token(sequences: list[list[int]], length: int) -> None:
    assert common_prefix(sequences) == length


def test_bf16_as_on_a_gpu(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (litgpt_model, hf_model):
        monkeypatch.setattr(module, "device_and_dtype", lambda _: (torch.device("cpu"), torch.bfloat16))
    expected = chain.models["lit"].generate(PROMPTS, 20)
    for folder in (chain.lit, chain.hf):
        with open_model(folder) as model:
            found = model.generate(PROMPTS, 20)
            assert model.logits([1, 2]).dtype == np.float32
        assert sum(a.text == b.text for a, b in zip(expected, found, strict=True)) >= 10
