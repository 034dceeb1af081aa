"""Guided answers: every loader writes the same, and only names that are there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from t2q.errors import SyntaxRefused
from t2q.guiding import Guide
from t2q.languages import Language, language_for
from t2q.models import open_model
from t2q.models.llama_cpp_model import LlamaCppModel
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
        piece = model._file.piece if isinstance(model, LlamaCppModel) else model.tokenizer.piece  # type: ignore[attr-defined]
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
    left = [(p, c, t) for p, c in zip(asked, model.generate(asked, 30, guide=begin), strict=True) for t in c.turns[:3]]
    assert len(left) >= 6
    found = model.generate([p for p, *_ in left], 30, guide=begin, begun=[turn for *_, turn in left])
    for (prompt, completion, turn), taken in zip(left, found, strict=True):
        assert taken.text != completion.text and taken.logprob <= turn.logprob + 1e-3
        assert all(len(later.tokens) > len(turn.tokens) for later in taken.turns)
        read = model.encode(prompt)
        logits = torch.tensor(model.logits([*read, *turn.tokens])[len(read) - 1 : -1])
        steps = logits.log_softmax(-1).gather(-1, torch.tensor(turn.tokens)[:, None])
        assert turn.logprob == pytest.approx(float(steps.sum()), abs=0.05)
    given_up = [replace(turn, least=turn.logprob + 1) for *_, turn in left]
    cut = model.generate([p for p, *_ in left], 30, guide=begin, begun=given_up)
    assert [c.tokens for c in cut] == [len(turn.tokens) for turn in given_up]


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
