"""An answer that goes in circles is cut there, and no other is."""

import pytest

from t2q.models.writing import CIRCLING, LONGEST_CIRCLE, Writing, goes_in_circles


@pytest.mark.parametrize("size", range(1, LONGEST_CIRCLE + 1))
def test_a_circle_ends_an_answer(size: int) -> None:
    answer, circle = Writing(limit=500), list(range(size))
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
    answer = Writing(limit=3)
    for token in (4, 5):
        answer.add(token, -1.0, False)
    assert not answer.ended
    answer.add(2, -1.0, True)
    assert answer.ended and answer.completion(repr).text == "[4, 5]"
    cut = Writing(limit=1)
    cut.add(4, -1.0, False)
    assert cut.ended and cut.completion(repr).text == "[4]"
