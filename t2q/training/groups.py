"""Which pairs each step of a training takes, made ready ahead of it, and how a step's pairs are shared out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

import torch
from torch.utils.data import Sampler

T = TypeVar("T")
U = TypeVar("U")


class ShuffledGroups(Sampler[list[int]]):
    """Groups of `size` rows that share their schema, by number, put together anew in each epoch.

    `schemas`: that of each row. What is left of a schema's rows after the division is left out of the epoch.
    """

    def __init__(self, schemas: Sequence[str], size: int, seed: int) -> None:
        self.schemas, counts = schemas, Counter(schemas).values()
        self.size = min(size, max(counts))
        self.groups = sum(count // self.size for count in counts)
        self.generator = torch.Generator().manual_seed(seed)

    def __len__(self) -> int:
        return self.groups

    def __iter__(self) -> Iterator[list[int]]:
        order = torch.randperm(len(self.schemas), generator=self.generator).tolist()
        groups = [group for group in grouped(order, self.schemas, self.size) if len(group) == self.size]
        for number in torch.randperm(len(groups), generator=self.generator).tolist():
            yield groups[number]


def grouped(order: Iterable[int], schemas: Sequence[str], size: int) -> list[list[int]]:
    """Rows in groups of up to `size` that share their schema, in the order of `order`."""
    open_groups: dict[str, list[int]] = {}
    groups: list[list[int]] = []
    for row in order:
        group = open_groups.setdefault(schemas[row], [])
        group.append(row)
        if len(group) == size:
            groups.append(open_groups.pop(schemas[row]))
    return groups + list(open_groups.values())


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


def ahead(make: Callable[[T], U], items: Iterator[T]) -> Iterator[U]:
    """`map`, with the next result made in another thread while the caller works with this one."""
    with ThreadPoolExecutor(1) as thread:
        upcoming = thread.submit(make, next(items))
        while True:
            result = upcoming.result()
            upcoming = thread.submit(make, next(items))
            yield result


def shares(items: Sequence[T], number: int) -> list[Sequence[T]]:
    """The items in `number` parts in order, as equal as can be; some are empty where there are fewer items."""
    edges = [len(items) * i // number for i in range(number + 1)]
    return [items[a:b] for a, b in pairwise(edges)]
