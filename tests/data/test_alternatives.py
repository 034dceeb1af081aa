"""Wordings for training stand for many sentences; none of them is a wording of another split."""

from __future__ import annotations

import itertools
import random
import re

import pytest

from t2q.data.wording import Wording
from t2q.data.words import load_words


def sentences(template: str, wording: Wording) -> set[str]:
    """Every sentence that a template stands for, letter case and spaces aside."""
    parts = re.split(r"\[([^\[\]]*)\]", template)
    choices = [wording.alternatives(p) if i % 2 else [p] for i, p in enumerate(parts)]
    return {" ".join("".join(c).lower().split()) for c in itertools.product(*choices)}


def openings_and_closings() -> tuple[set[str], set[str]]:
    """What may stand before and after a training sentence, "" included, letter case and spaces aside."""
    words = load_words("wording.yaml")
    before = [o for kind in ("openings", "question_openings") for o in words[kind]["train"]]
    return {"", *(o.lower().strip() + " " for o in before)}, {"", *(c.lower() for c in words["closings"]["train"])}


@pytest.mark.parametrize("file", ["wording.yaml", "unanswerable.yaml"])
def test_no_sentence_is_in_two_splits(file: str) -> None:
    """Nor does one come about by an opening or a closing: "please " and "tell me the name"."""
    words = load_words(file)
    wording = Wording("train", random.Random(0))
    before, after = openings_and_closings()
    for name, splits in words.get("intents", words).items():
        found = {
            split: set().union(*(sentences(t, wording) for t in splits[split]))
            for split in ("train", "validation", "test")
        }
        assert not found["validation"] & found["test"], name
        for sentence in found["validation"] | found["test"]:
            for opening, closing in itertools.product(before, after):
                if sentence.startswith(opening) and sentence.endswith(closing):
                    core = sentence[len(opening) : len(sentence) - len(closing)]
                    assert core not in found["train"], (name, sentence)


def test_one_of_draws_every_alternative() -> None:
    wording = Wording("train", random.Random(0))
    template = "[count|tally] [|all ]{things}"
    drawn = {wording.one_of(template) for _ in range(100)}
    assert drawn == {"count {things}", "tally {things}", "count all {things}", "tally all {things}"}
    assert {wording.one_of("[ask] it").removesuffix(" it") for _ in range(2000)} == set(
        load_words("wording.yaml")["ask"]
    )
