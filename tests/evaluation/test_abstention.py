"""How sure one may be: what is learnt from pairs, the fit and its threshold, and the figures of a test."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from t2q.answering.answer import Answer
from t2q.answering.confidence import Confidence, signs_of
from t2q.answering.unsaid import Carried
from t2q.data.pairs import Pair
from t2q.evaluation.abstention import figures
from t2q.evaluation.calibration import fit, lowest_threshold
from t2q.evaluation.predictions import Prediction
from t2q.models.base import Completion

NONE = Carried(frozenset())


def pair(question: str, query: str) -> Pair:
    return Pair(question, query, "count")


PAIRS = [
    *[pair(f"How many customers live in {city}?", f"SELECT COUNT(*) FROM customers WHERE city = '{city}'")
      for city in ("Lyon", "Oslo", "Bern") for _ in range(5)],
    *[pair(f"Name the orders of {y}", f"SELECT orderName FROM orders WHERE year = {y}") for y in range(2010, 2016)],
    *[pair("Is it nice?", "") for _ in range(9)],
]  # fmt: skip


@pytest.mark.parametrize(
    ("question", "query", "unsaid"),
    [
        ("How many customers live in Lyon?", "SELECT COUNT(*) FROM customers WHERE city = 'Lyon'", 0),
        ("How many customers live in Lyon?", "SELECT COUNT(*) FROM customers", 1),
        ("How many customers live in Lyon or Oslo?", "SELECT COUNT(*) FROM customers WHERE city = 'Lyon'", 1),
        ("Customers live in Kyiv?", "SELECT COUNT(*) FROM customers", 0),  # never seen: nothing is known of it
        ("Name the orders of 2031", "SELECT orderName FROM orders", 1),  # what holds of one number holds of all
        ("Name the orders of 2031", "SELECT n.name FROM orders n WHERE n.year = 2031", 0),
        ("Name each order", "MATCH (n:Order) RETURN n.orderName", 0),  # names are cut into words, in the singular
        ("Is it nice?", "SELECT 1", 0),
    ],
)
def test_words_that_a_query_should_have(question: str, query: str, unsaid: int) -> None:
    assert Carried.learn(PAIRS).unsaid(question, query) == unsaid


def test_signs() -> None:
    carried = Carried.learn(PAIRS)
    completion = Completion("SELECT COUNT(*) FROM customers", tokens=4, logprob=-1.0, finished=True)
    found = Answer("SELECT COUNT(*) FROM customers", ("n",), [(3,)])
    assert signs_of("How many customers live in Lyon?", completion, found, carried) == (0.5, 1.0, 0.0)
    assert signs_of("Customers?", completion, replace(found, rows=[]), carried) == (0.5, 0.0, 1.0)


def made(number: int, seed: int) -> tuple[list[tuple[float, float, float]], list[bool]]:
    """Answers of which the doubtful ones are often wrong."""
    drawn = np.random.default_rng(seed)
    doubt = drawn.exponential(0.15, number)
    unsaid = drawn.random(number) < 0.1
    wrong = drawn.random(number) < np.clip(0.005 + 0.6 * doubt**1.5 + 0.4 * unsaid, 0, 1)
    signs = [(float(d), float(u), 0.0) for d, u in zip(doubt, unsaid, strict=True)]
    return signs, (~wrong).tolist()


@pytest.mark.parametrize("precision", [0.95, 0.97])
def test_the_precision_that_was_asked_for_is_kept_on_new_answers(precision: float) -> None:
    given = right = total = 0
    for seed in range(20):
        confidence = fit(*made(300, seed), NONE, precision, "q")
        signs, truth = made(300, 1000 + seed)
        assert all(weight <= 0 for weight in confidence.weights)
        for one, ok in zip(signs, truth, strict=True):
            z = sum(w * (x - c) for w, x, c in zip(confidence.weights, one, confidence.centre, strict=True))
            if 1 / (1 + np.exp(-(confidence.bias + z))) >= confidence.threshold:
                given, right = given + 1, right + ok
        total += len(truth)
    assert right / given >= precision - 0.005  # 20 fits of 300 are not yet the expectation
    assert given / total > 0.5


@pytest.mark.parametrize(
    ("sure", "right", "precision", "threshold"),
    [
        ([0.9] * 40, [True] * 40, 0.95, 0.9),
        ([0.9] * 10, [True] * 10, 0.95, 2.0),  # too few to tell: one more might be wrong
        ([0.9] * 40 + [0.5] * 5, [True] * 40 + [False] * 5, 0.95, 0.9),
        ([0.9] * 40 + [0.5] * 3, [True] * 40 + [False, True, True], 0.96, 0.9),
        ([0.9] * 40 + [0.5] * 3, [True] * 40 + [False, True, True], 0.95, 0.5),
        ([], [], 0.95, 2.0),
    ],
)
def test_the_lowest_threshold(sure: list[float], right: list[bool], precision: float, threshold: float) -> None:
    assert lowest_threshold(np.array(sure), np.array(right, bool), precision) == threshold


@pytest.mark.parametrize("right", [[True] * 50, [False] * 50, [True], []])
def test_answers_of_one_kind_can_be_fitted(right: list[bool]) -> None:
    confidence = fit([(0.1, 0.0, 0.0)] * len(right), right, NONE, 0.95, "q")
    sure = confidence.of("?", Completion("", 1, -0.01, True), Answer("", ("a",), [(1,)]))
    assert (sure >= confidence.threshold) == (right == [True] * 50)


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    confidence = fit(*made(100, 1), Carried.learn(PAIRS), 0.95, "gguf-q4_k_m")
    confidence.write(tmp_path / "c.json")
    assert Confidence.read(tmp_path / "c.json") == confidence
    (tmp_path / "c.json").write_text('{"step": "q"}')
    with pytest.raises(ValueError, match=r"c\.json is damaged"):
        Confidence.read(tmp_path / "c.json")


def test_figures() -> None:
    def prediction(answerable: bool, correct: bool, confidence: float | None) -> Prediction:
        return Prediction(0, "?", "count", answerable, "", "", "", correct, "", True, False, confidence=confidence)

    predictions = [
        *[prediction(True, True, 0.9)] * 6,
        prediction(True, False, 0.8),
        prediction(True, True, 0.4),
        prediction(True, False, None),
        prediction(False, False, 0.7),
        prediction(False, False, 0.3),
        prediction(False, True, None),
    ]
    confidence = Confidence("gguf-q4_k_m", 0.9, 0.5, 0.0, (), (), NONE)
    found = figures(predictions, confidence)
    assert {key: found[key] for key in ("given", "wrong", "coverage", "declined", "precision")} == {
        "given": 8, "wrong": 0.1667, "coverage": 0.7778, "declined": 0.6667, "precision": 0.75,
    }  # fmt: skip
    assert found["curve"][:1] == [(0.0833, 0.0)] and found["curve"][6] == (0.5833, 0.1429) and len(found["curve"]) == 10
    assert (found["coverage_at_95"], found["trustsql_rs_0"], found["trustsql_rs_10"]) == (0.5, 66.7, -100.0)
    nothing = figures([prediction(True, False, None)], confidence)
    assert (nothing["curve"], nothing["aurc"], nothing["precision"], nothing["declined"]) == ([], None, None, None)
