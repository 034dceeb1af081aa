from __future__ import annotations

import random
from itertools import combinations

import pytest

from t2q.data.intents import sample
from t2q.data.model import ask_model
from t2q.data.sampling import Sampler
from t2q.data.wording import SPLITS, Wording
from t2q.data.words import load_words
from t2q.pretrain.worlds.inventor import Inventor
from t2q.pretrain.worlds.schemas import as_graph, as_tables
from t2q.schema import Entity, Field, Schema


@pytest.mark.parametrize("file", ["wording.yaml", "unanswerable.yaml"])
def test_no_wording_is_in_two_splits(file: str) -> None:
    data = load_words(file)
    groups = data["intents"] if file == "wording.yaml" else data
    for name, group in groups.items():
        for one, other in combinations(SPLITS, 2):
            assert group[one] and group[other], name
            assert not set(group[one]) & set(group[other]), name


@pytest.mark.parametrize("spell", [as_tables, as_graph])
def test_every_intent_can_be_worded_in_every_split(spell) -> None:
    rng = random.Random(3)
    wordings = load_words("wording.yaml")["intents"]
    asked: set[str] = set()
    for _ in range(2000):
        blueprint = Inventor(rng).blueprint()
        model = ask_model(spell(blueprint, rng))
        sampler = Sampler(model, lambda e, f, b=blueprint: b.values.get((e, f), ()), rng)
        for _ in range(15):
            if draft := sample(sampler):
                asked.add(draft.wording)
                for split in SPLITS:
                    worded = Wording(split, rng).question(draft)
                    assert "{" not in worded.question
                    assert worded.wording in wordings[draft.wording][split]
        if asked == wordings.keys():
            break
    assert asked == wordings.keys()


def test_only_training_questions_open_with_words_off_the_point() -> None:
    class Drawn(Wording):
        def aside(self) -> str:
            return "Blue lamp: "

    for split in SPLITS:
        wording = Drawn(split, random.Random(0))
        opened = sum(wording.finish("how many orders are there").startswith("Blue lamp: how") for _ in range(300))
        assert (opened > 0) is (split == "train"), split


def test_a_field_that_sounds_like_a_count_is_asked_for_with_its_entity() -> None:
    number, status = Field("number", "text"), Field("status", "text")
    orders = ask_model(Schema("sql", "sqlite", (Entity("orders", (number, status)),))).entities["orders"]
    assert [orders.said(f) for f in (number, status)] == ["order number", "status"]
