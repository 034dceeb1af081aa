"""A question's meaning before it becomes SQL or Cypher: a pattern of nodes and steps, and what is asked of it.

Nodes and steps carry aliases; everything else refers to them by alias. `render_sql` and `render_cypher` turn a Query
into text; both give the same rows on the same data.
"""

from __future__ import annotations

from dataclasses import dataclass

from t2q.schema import Value


@dataclass(frozen=True)
class Node:
    alias: str
    entity: str


@dataclass(frozen=True)
class Step:
    """From one node to another over a relation; `forward` when it goes from the relation's source to its target."""

    alias: str
    relation: str
    start: str
    end: str
    forward: bool


@dataclass(frozen=True)
class Attr:
    """A field of a node, or of a step where the relation has fields."""

    alias: str
    field: str


@dataclass(frozen=True)
class Year:
    """The year of a date field."""

    of: Attr


@dataclass(frozen=True)
class Aggregate:
    """`count` without a field counts the distinct things that the alias names."""

    function: str  # count, sum, avg, min, max
    alias: str
    field: str = ""
    distinct: bool = False


Expression = Attr | Year | Aggregate


@dataclass(frozen=True)
class Condition:
    """`operator` is =, <>, <, <=, >, >=, contains, starts, null, not null, between or in.

    `values` has no entry for null tests, two for between, one or more for in, else one.
    """

    left: Expression
    operator: str
    values: tuple[Value, ...] = ()


@dataclass(frozen=True)
class Missing:
    """No step of this kind exists from the alias; where `conditions` are given, none to a target that meets them."""

    step: Step
    target: Node
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class Query:
    """`connective` joins the conditions. `above` asks for rows whose field is above (or below) the average over its
    entity: (field, ">" or "<"). `other` is a second query over the same columns, combined by UNION."""

    nodes: tuple[Node, ...]
    select: tuple[Expression, ...]
    steps: tuple[Step, ...] = ()
    where: tuple[Condition, ...] = ()
    connective: str = "AND"
    missing: Missing | None = None
    above: tuple[Attr, str] | None = None
    group: tuple[Expression, ...] = ()
    having: Condition | None = None
    order: tuple[Expression, bool] | None = None  # expression, descending
    limit: int | None = None
    distinct: bool = False
    other: Query | None = None
