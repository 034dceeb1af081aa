"""What an intent leaves to be worded: noun phrases with their conditions, kept apart from the words themselves."""

from __future__ import annotations

from dataclasses import dataclass

from t2q.schema import Value


@dataclass(frozen=True)
class By:
    """By what two things are related: `kind` is a key of `relations` in wording.yaml, `verb` fills its slot."""

    kind: str
    verb: str


@dataclass(frozen=True)
class Phrase:
    """One condition: `kind` is a key of `conditions` in wording.yaml, the rest fills its slots.

    `by` says more of a condition on something related than that it is related.
    """

    kind: str
    field: str = ""
    values: tuple[Value, ...] = ()
    others: str = ""
    target: Target | None = None
    by: By | None = None


@dataclass(frozen=True)
class Target:
    """One thing, by the value of the field that names it: "Ada", "customer Ada", "the customer named Ada"."""

    thing: str
    title: str
    value: Value


@dataclass(frozen=True)
class Things:
    """A plural noun (`noun`) with conditions joined by `connective`."""

    noun: str
    phrases: tuple[Phrase | RelatedTo, ...] = ()
    connective: str = "and"


@dataclass(frozen=True)
class RelatedTo:
    """Related to any of some things that have conditions of their own."""

    things: Things
    by: By | None = None


@dataclass(frozen=True)
class Choice:
    """One of the words that wording.yaml lists under `group`.`key`."""

    group: str
    key: str


Slot = str | Value | Things | Target | Choice
