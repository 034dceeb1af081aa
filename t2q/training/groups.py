"""Which pairs each step of a training takes, and how a step's pairs are shared out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TypeVar

T = TypeVar("T")


def cycle(epochs: Iterable[T], start: int) -> Iterator[T]:
    """The items of an iterable over and over (each time as it gives them anew), from the one numbered `start` on.

    So a resumed training sees what it would have seen; those before are gone through, which takes no time.
    """
    number = 0
    while True:
        for item in epochs:
            if number >= start:
                yield item
            number += 1


def shares(items: Sequence[T], number: int) -> list[Sequence[T]]:
    """The items in `number` parts in order, as equal as can be; some are empty where there are fewer items."""
    edges = [len(items) * i // number for i in range(number + 1)]
    return [items[a:b] for a, b in pairwise(edges)]
