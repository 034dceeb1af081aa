"""Verdicts on texts that a model may write about the real shop, and the scores that come of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from t2q.data.pairs import Pair
from t2q.databases import open_database
from t2q.errors import StageError
from t2q.evaluation.judge import Judge
from t2q.evaluation.predictions import Prediction
from t2q.evaluation.report.failures import kind
from t2q.evaluation.scores import scores
from t2q.models.base import Completion

SHOP = f"sqlite:///{Path(__file__).parents[2]}/data/shop.sqlite"
COUNT = Pair("How many customers?", "SELECT COUNT(*) FROM customers", "count", "w")
NO_SUCH = Pair("How many ships?", "", "missing_entity", "w", "there are no ships")


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with open_database(SHOP) as database:
        yield Judge([COUNT, NO_SUCH], database.schema(), database)


def judged(judge: Judge, number: int, text: str, finished: bool = True) -> Prediction:
    return judge.judge(number, Completion(text, tokens=9, logprob=-1.0, finished=finished))


@pytest.mark.parametrize(
    ("text", "correct", "executable", "declined", "reason"),
    [
        ("SELECT COUNT(id) FROM customers", True, True, False, ""),
        ("SELECT COUNT(*) FROM orders", False, True, False, "other rows"),
        ("SELECT COUNT(*) FROM ships", False, False, False, "unknown name"),
        ("DELETE FROM customers", False, False, False, "not read-only"),
        ("hello there", False, False, False, "no query"),
        ("I don't know: there are no customers", False, False, True, "refused"),
    ],
)
def test_an_answerable_question(
    judge: Judge, text: str, correct: bool, executable: bool, declined: bool, reason: str
) -> None:
    found = judged(judge, 0, text)
    assert (found.correct, found.executable, found.declined) == (correct, executable, declined)
    assert found.reason.startswith(reason) and bool(found.reason) is not correct


@pytest.mark.parametrize(
    ("text", "declined", "reason"),
    [
        ("I don't know: there are no ships", True, ""),
        ("SELECT COUNT(*) FROM orders", False, "answered, but there are no ships"),
        ("SELECT COUNT(*) FROM ships", False, "no answer (unknown name: "),
    ],
)
def test_only_a_refusal_declines_an_unanswerable_question(judge: Judge, text: str, declined: bool, reason: str) -> None:
    found = judged(judge, 1, text)
    assert (found.correct, found.declined) == (declined, declined)
    assert found.reason.startswith(reason)


@pytest.mark.parametrize(
    ("text", "counted"),
    [
        ("SELECT COUNT(*) FROM orders", "wrong values"),
        ("SELECT COUNT(*), 1 FROM customers", "wrong number of columns"),
        ("SELECT id FROM customers", "wrong number of rows"),
        ("SELECT id FROM customers WHERE id < 0", "wrong number of rows"),
        ("SELECT COUNT(*) FROM ships", "unknown name"),
        ("DELETE FROM customers", "not read-only"),
        ("SELECT COUNT( FROM customers", "does not parse"),
        ("hello there", "no query"),
        ("I don't know: there are no customers", "declined"),
    ],
)
def test_the_report_counts_a_verdict_by_its_reason(judge: Judge, text: str, counted: str) -> None:
    assert kind(judged(judge, 0, text)) == counted


def test_a_text_that_was_cut_is_not_run(judge: Judge) -> None:
    found = judged(judge, 0, "SELECT COUNT(*) FROM customers", finished=False)
    assert (found.correct, found.executable, found.reason.split(":")[0]) == (False, False, "cut")


def test_scores_tell_failing_from_declining(judge: Judge) -> None:
    texts = ["SELECT COUNT(id) FROM customers", "SELECT COUNT(*) FROM orders", "hello", "I don't know: no"]
    found = scores([judged(judge, 0, t) for t in texts] + [judged(judge, 1, t) for t in texts])
    assert (found["execution_accuracy"], found["executable"]) == (0.25, 0.5)
    assert (found["declined_answerable"], found["declined_unanswerable"]) == (0.25, 0.25)
    assert (found["bird_ex"], found["spider_test_suite"]) == (0.25, 0.25)
    shares = ("execution_accuracy", "executable", "exact_match", "token_match", "google_bleu")
    for key in (*shares, "declined_unanswerable", "declined_answerable"):
        low, high = found[f"{key}_interval"]
        assert 0 <= low <= found[key] <= high <= 1 and low < high, key
    # right: 1 answer and 2 without one; wrong: 1 query, and 2 answers to what has none; of 8
    assert [found[f"trustsql_rs_{c}"] for c in ("0", "10", "n")] == [37.5, 37.5 - 375, 37.5 - 300]


def test_a_gold_query_that_fails_is_an_error_of_the_test() -> None:
    with open_database(SHOP) as database, pytest.raises(StageError, match="the gold query 'SELECT 1 FROM x' fails"):
        Judge([Pair("?", "SELECT 1 FROM x", "count", "w")], database.schema(), database)
