"""Documents to copy from: what is asked for must be told by the text, and by nothing else."""

from __future__ import annotations

import random

import pytest
from tokenizers import Tokenizer

from t2q.fingerprint import place_of_base
from t2q.pretrain.copying import CopyingDocument, copying_document
from t2q.pretrain.corpus import _tokenizer
from t2q.prompt import render

BEFORE, BEHIND = render("", "\0").split("\0")
Made = tuple[Tokenizer, list[CopyingDocument]]


@pytest.fixture(scope="module")
def documents() -> Made:
    tokenizer = _tokenizer(str(place_of_base("t2q/pico-small") / "tokenizer.json"))
    return tokenizer, [copying_document(random.Random(seed), tokenizer, 8) for seed in range(60)]


def occurrences(part: list[int], whole: list[int]) -> list[int]:
    return [at for at in range(len(whole) - len(part) + 1) if whole[at : at + len(part)] == part]


def asked_for(tokenizer: Tokenizer, question: list[int]) -> list[int]:
    return question[len(tokenizer.encode(BEFORE).ids) : -len(tokenizer.encode(BEHIND).ids)]


def test_what_is_asked_for_is_answered_from_the_text_or_from_the_question(documents: Made) -> None:
    tokenizer, made = documents
    for document in made:
        for question, answer in document.pairs:
            assert occurrences(answer, document.prefix) or asked_for(tokenizer, question) == answer


def test_only_several_tokens_together_tell_which_span_goes_on(documents: Made) -> None:
    """A circuit that goes by the last token alone jumps into another span: `tomb` and `turnstile`, `tombstile`."""
    tokenizer, made = documents
    ambiguous = 0
    for document in made:
        for question, answer in document.pairs:
            asked = asked_for(tokenizer, question)
            if answer[: len(asked)] == asked and asked != answer:
                followers = {document.prefix[at + 1] for at in occurrences(asked[-1:], document.prefix[:-1])}
                ambiguous += len(asked) > 1 and len(followers) > 1
    assert ambiguous > 20


def test_a_name_is_asked_for_by_words_that_other_tokens_spell(documents: Made) -> None:
    tokenizer, made = documents
    respelt = sum(
        bool(occurrences(answer, document.prefix)) and answer[0] != asked_for(tokenizer, question)[0]
        for document in made
        for question, answer in document.pairs
    )
    assert respelt > 20
