"""Guided answers: every loader writes the same, and only names that are there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from t2q.errors import SyntaxRefused
from t2q.guiding import Guide
from t2q.languages import Language, language_for
from t2q.models import open_model
from t2q.models.base import Completion, Turn
from t2q.models.llama_cpp_model import LlamaCppModel
from t2q.models.llama_sequences import Place
from t2q.models.writing import Writing
from t2q.prompt import database_text, render
from t2q.schema import Schema
from tests.guiding.test_guide import schema
from tests.models.conftest import Chain

QUESTIONS = ["How many orders?", "Names of all customers?", 'Who is in "Zürich"?', "What does it cost?"]
ASKED = ["how many", "list", "what is the smallest price of", "count by colour"]
NOUNS = ["gadgets", "ferry moorings", "tax_brackets", "QuarryImplants"]
BASE = Path(__file__).parents[2] / "checkpoints" / "t2q" / "pico-small"
TEXT = "SELECT \"joined on\" FROM customers WHERE name = 'Zoë 東京 🎈'\n  LIMIT 5; I don't know: there's none"


def prompts(shown: Schema) -> list[str]:
    return [render(database_text(shown), question) for question in QUESTIONS]


def test_pieces_make_up_the_text(chain: Chain) -> None:
    for model in chain.models.values():
        piece = model.file.piece if isinstance(model, LlamaCppModel) else model.tokenizer.piece  # type: ignore[attr-defined]
        written = "".join(piece(token) or "" for token in model.encode(TEXT))
        assert written.encode("latin-1").decode().strip() == TEXT


@pytest.mark.parametrize("dialect", ["sqlite", "cypher"])
def test_loaders_write_the_same(chain: Chain, dialect: str) -> None:
    shown = schema(dialect)
    begin = Guide(shown).begin
    expected = chain.models["lit"].generate(prompts(shown), 30, guide=begin)
    for loader in ("hf", "f32"):
        found = chain.models[loader].generate(prompts(shown), 30, guide=begin)
        assert [c.text for c in found] == [c.text for c in expected], loader
        assert [c.logprob for c in found] == pytest.approx([c.logprob for c in expected], abs=0.05)


@pytest.mark.parametrize("loader", ["lit", "hf", "f32"])
def test_a_turn_that_was_not_taken_can_be_taken(chain: Chain, loader: str) -> None:
    shown, model = schema("sqlite"), chain.models[loader]
    asked, begin = prompts(shown), Guide(shown).begin
    found: list[list[Completion]] = [[] for _ in asked]

    def one_after_the_other(number: int, completion: Completion) -> Sequence[Turn]:
        found[number].append(completion)
        done = len(found[number])
        return found[number][0].turns[done - 1 : done] if done <= 4 else []

    first = model.generate(asked, 30, guide=begin, then=one_after_the_other)
    assert [completions[0] for completions in found] == first
    assert sum(map(len, found)) > len(asked)
    for prompt, (greedy, *others) in zip(asked, found, strict=True):
        for turn, taken in zip(greedy.turns, others, strict=False):
            assert taken.text != greedy.text and taken.logprob <= turn.logprob + 1e-3
            assert all(len(later.tokens) > len(turn.tokens) for later in taken.turns)
            read = model.encode(prompt)
            logits = torch.tensor(model.logits([*read, *turn.tokens])[len(read) - 1 : -1])
            steps = logits.log_softmax(-1).gather(-1, torch.tensor(turn.tokens)[:, None])
            assert turn.logprob == pytest.approx(float(steps.sum()), abs=0.05)

    together: list[list[Completion]] = [[] for _ in asked]

    def all_at_once(number: int, completion: Completion) -> Sequence[Turn]:
        together[number].append(completion)
        return completion.turns[:4] if len(together[number]) == 1 else []

    model.generate(asked, 30, guide=begin, then=all_at_once)
    for one, other in zip(found, together, strict=True):
        assert sorted(c.text for c in one) == sorted(c.text for c in other)
        assert sorted(c.logprob for c in one) == pytest.approx(sorted(c.logprob for c in other), abs=0.02)


def test_a_turn_goes_on_from_what_was_read(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    model = chain.models["f32"]
    assert isinstance(model, LlamaCppModel)
    read: list[int] = []
    join = model.sequences.join

    def counted(ids: Sequence[int], answer: Writing) -> Place:
        place = join(ids, answer)
        if answer.written:
            read.append(len(place.unread))
        return place

    monkeypatch.setattr(model.sequences, "join", counted)
    found: list[int] = []

    def then(number: int, completion: Completion) -> Sequence[Turn]:
        found.append(number)
        return completion.turns[:3] if found.count(number) <= 4 else []

    shown = schema("sqlite")
    model.generate(prompts(shown), 30, guide=Guide(shown).begin, then=then)
    assert len(read) > 10 and read.count(1) > 0.8 * len(read)  # but where there was no more room for what was read


@pytest.mark.parametrize("loader", ["lit", "f32"])
def test_an_answer_is_given_up_when_it_is_too_unlikely(chain: Chain, loader: str) -> None:
    shown, cut, done = schema("sqlite"), list[tuple[Turn, Completion]](), list[int]()
    left: dict[int, Turn] = {}

    def once(number: int, completion: Completion) -> Sequence[Turn]:
        if number in left:
            cut.append((left[number], completion))
            return []
        left[number] = replace(completion.turns[0], least=completion.turns[0].logprob + 1)
        return [left[number]]

    chain.models[loader].generate(prompts(shown), 30, done.append, Guide(shown).begin, once)
    assert len(cut) == sum(done) == len(QUESTIONS)
    assert all(c.tokens == len(turn.tokens) and not c.finished for turn, c in cut)


@pytest.mark.parametrize("dialect", ["sqlite", "cypher"])
def test_only_what_is_there_is_written(dialect: str) -> None:
    """Asked for things that no training schema had, in a database that has none of them."""
    shown = schema(dialect)
    language, wanted = language_for(dialect), [f"{verb} the {noun}" for verb in ASKED for noun in NOUNS]
    with open_model(BASE, "cpu") as model:
        begun = [render(database_text(shown), question) + language.opening for question in wanted]
        guide = Guide(shown)
        free = model.generate(begun, 60)
        kept = model.generate(begun, 60, guide=lambda: guide.begin(language.opening))
    strange = [[strangers(language, language.opening + c.text, shown) for c in found] for found in (free, kept)]
    assert sum(map(bool, strange[0])) > len(wanted) / 2
    assert not any(strange[1])


def strangers(language: Language, query: str, shown: Schema) -> list[str]:
    try:
        return language.unknown(query, shown)
    except SyntaxRefused:
        return []
