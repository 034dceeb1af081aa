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


@pytest.mark.parametrize("file", ["wording.yaml", "unanswerable.yaml"])
def test_no_sentence_is_in_two_splits(file: str) -> None:
    words = load_words(file)
    wording = Wording("train", random.Random(0))
    for name, splits in words.get("intents", words).items():
        found = {
            split: set().union(*(sentences(t, wording) for t in splits[split]))
            for split in ("train", "validation", "test")
        }
        for one, other in itertools.combinations(found, 2):
            assert not found[one] & found[other], name


def test_one_of_draws_every_alternative() -> None:
    wording = Wording("train", random.Random(0))
    template = "[count|tally] [|all ]{things}"
    drawn = {wording.one_of(template) for _ in range(100)}
    assert drawn == {"count {things}", "tally {things}", "count all {things}", "tally all {things}"}
    assert {wording.one_of("[ask] it").removesuffix(" it") for _ in range(2000)} == set(
        load_words("wording.yaml")["ask"]
    )
