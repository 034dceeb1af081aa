"""An answer that goes in circles is cut there, and no other is; a guide's word is kept."""

import numpy as np
import pytest

from t2q.guiding import Guide
from t2q.models.base import Turn
from t2q.models.writing import CIRCLING, LONGEST_CIRCLE, Writing, goes_in_circles
from t2q.schema import Entity, Field, Schema


@pytest.mark.parametrize("size", range(1, LONGEST_CIRCLE + 1))
def test_a_circle_ends_an_answer(size: int) -> None:
    answer, circle = Writing(500, str), list(range(size))
    answer.add(900, -0.5, False)
    while not answer.ended:
        answer.add(circle[len(answer.written) % size], -0.5, False)
    assert CIRCLING + size <= len(answer.written) <= CIRCLING + LONGEST_CIRCLE + 1
    cut = answer.completion(repr)
    assert (cut.finished, cut.tokens, cut.logprob) == (False, len(answer.written), -0.5 * len(answer.written))


def test_long_lists_and_zeros_are_no_circles() -> None:
    listed = [token for value in range(200) for token in (7, value % 90 + 20, 8)]
    assert not any(goes_in_circles(listed[:end]) for end in range(len(listed)))
    assert not goes_in_circles([*range(100), *[5] * CIRCLING, 6])
    assert not goes_in_circles([*range(100), *[5] * (CIRCLING - 1)])


def test_the_end_and_the_limit_end_an_answer() -> None:
    answer = Writing(3, str)
    for token in (4, 5):
        answer.add(token, -1.0, False)
    assert not answer.ended
    answer.add(2, -1.0, True)
    assert answer.ended and answer.completion(repr).text == "[4, 5]"
    cut = Writing(1, str)
    cut.add(4, -1.0, False)
    assert cut.ended and cut.completion(repr).text == "[4]"


WORDS = ["SELECT", " name", " price", " FROM", " items", " boats", " CASE", " PIVOT", None]
ITEMS = Schema("sql", "sqlite", (Entity("items", (Field("name", "text"),)),))


def guided(*written: str) -> Writing:
    answer = Writing(9, WORDS.__getitem__, Guide(ITEMS).begin())
    for word in written:
        answer.add(WORDS.index(word), 0.0, False)
    return answer


@pytest.mark.parametrize(
    ("written", "wished", "sure", "chosen"),
    [
        (["SELECT"], [" name"], False, " name"),
        (["SELECT"], [" price", " CASE", " name"], True, " name"),  # a name for a name, though CASE is likelier
        (["SELECT", " name", " FROM"], [" boats", " items"], True, " items"),
        (["SELECT", " name"], [None, " FROM"], False, " FROM"),  # a query without a table is no end
        (["SELECT", " name", " FROM", " items"], [" PIVOT", None], False, None),
        (["SELECT", " name", " FROM", " items"], [" PIVOT", None], True, " PIVOT"),  # more SQL than the guide knows
    ],
)
def test_the_likeliest_token_that_is_allowed_comes_next(
    written: list[str], wished: list[str | None], sure: bool, chosen: str | None
) -> None:
    logits = np.full(len(WORDS), -99.0, dtype=np.float32)
    for place, word in enumerate(wished):
        logits[WORDS.index(word)] = -place * (5 if sure else 0.5)
    answer = guided(*written)
    assert WORDS[answer.choose(int(logits.argmax()), logits, float(np.logaddexp.reduce(logits)))] == chosen
    assert (answer.guide is None) == (chosen == " PIVOT")


def test_an_answer_that_is_given_up_is_not_finished() -> None:
    """The model would end half a query, and whatever may stand there is too unlikely to be worth it."""
    answer = Writing(9, WORDS.__getitem__, Guide(ITEMS).begin())
    answer.begin(Turn((WORDS.index("SELECT"), WORDS.index(" name")), -1.0, least=-2.0))
    logits = np.full(len(WORDS), -9.0, dtype=np.float32)
    logits[WORDS.index(None)] = 0.0
    token = answer.choose(int(logits.argmax()), logits, float(np.logaddexp.reduce(logits)))
    answer.add(token, -0.01, WORDS[token] is None)
    assert (answer.ended, answer.finished) == (True, False)
