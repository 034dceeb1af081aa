"""Documents to copy from: what is asked for must be told by the text, and by nothing else."""

import random
from pathlib import Path

import pytest

from t2q.pretrain.copying import copying_document
from t2q.pretrain.corpus import _tokenizer
from t2q.prompt import render

PICO = Path("checkpoints/t2q/pico-small/tokenizer.json")
BEFORE, BEHIND = render("", "\0").split("\0")


@pytest.fixture(scope="module")
def documents():
    tokenizer = _tokenizer(str(PICO))
    return tokenizer, [copying_document(random.Random(seed), tokenizer, 8) for seed in range(60)]


def occurrences(part, whole):
    return [at for at in range(len(whole) - len(part) + 1) if whole[at : at + len(part)] == part]


def asked_for(tokenizer, question):
    return question[len(tokenizer.encode(BEFORE).ids) : -len(tokenizer.encode(BEHIND).ids)]


def test_what_is_asked_for_is_answered_from_the_text_or_from_the_question(documents):
    tokenizer, made = documents
    for document in made:
        for question, answer in document.pairs:
            assert occurrences(answer, document.prefix) or asked_for(tokenizer, question) == answer


def test_only_several_tokens_together_tell_which_span_goes_on(documents):
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


def test_a_name_is_asked_for_by_words_that_other_tokens_spell(documents):
    tokenizer, made = documents
    respelt = sum(
        bool(occurrences(answer, document.prefix)) and answer[0] != asked_for(tokenizer, question)[0]
        for document in made
        for question, answer in document.pairs
    )
    assert respelt > 20
