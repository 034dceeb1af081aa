"""How large a Cypher query may be and how deep, since no time limit holds while a database plans it.

Neo4j 5.26 takes minutes over 50 levels of brackets with AND and OR in turn, over 300 calls within each other, over 30
XOR or over a pattern of 66 relationships, and hears no timeout meanwhile. Of 10,064 queries of Text2Cypher and Movies
none has more than 790 characters, 161 words, 4 levels of brackets or 6 relationships.
"""

from __future__ import annotations

from collections.abc import Iterator

from t2q.errors import TooCostly
from t2q.languages.cypher_structure import Structure, is_subquery

MOST = {
    "words and symbols": 2000,
    "levels of brackets": 24,
    "levels of CASE": 10,
    "levels of EXISTS, COUNT or COLLECT": 5,
    "relationships in its patterns": 20,
    "XOR": 8,
    "NOT one behind the other": 20,
}


def prove_small(s: Structure) -> None:
    """Raises TooCostly naming what there is too much of."""
    for what, number in _counts(s):
        if number > MOST[what]:
            raise TooCostly(f"the query has more than {MOST[what]} {what}")


def _counts(s: Structure) -> Iterator[tuple[str, int]]:
    yield "words and symbols", len(s.tokens)
    open_subqueries: list[int] = []
    brackets = cases = negations = exclusive = 0
    for i, token in enumerate(s.tokens):
        word = s.word(i)
        if token.text in ("(", "[", "{"):
            brackets += 1
            yield "levels of brackets", brackets
            if token.text == "{" and is_subquery(s, i) and s.word(i - 1) != "CALL":
                open_subqueries.append(i)
                yield "levels of EXISTS, COUNT or COLLECT", len(open_subqueries)
        elif token.text in (")", "]", "}"):
            brackets -= 1
            if open_subqueries and s.partner[i] == open_subqueries[-1]:
                open_subqueries.pop()
        cases += (word == "CASE") - (word == "END")
        exclusive += word == "XOR"
        negations = negations + 1 if word == "NOT" or token.text == "!" else 0
        if word in ("CASE", "XOR", "NOT") or token.text == "!":
            yield "levels of CASE", cases
            yield "XOR", exclusive
            yield "NOT one behind the other", negations
    yield "relationships in its patterns", len(s.relationships)
