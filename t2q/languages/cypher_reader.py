"""What a Cypher query is made of, as far as its words show it: patterns, labels, properties, calls, clauses.

This is a reader, not a parser: it takes the grammar of a query for granted (the database's EXPLAIN is the parser) and
finds out which name plays which role, by its neighbours.
"""

from __future__ import annotations

from functools import lru_cache

from t2q.errors import SyntaxRefused
from t2q.languages.cypher_patterns import label_predicates, mark, patterns
from t2q.languages.cypher_structure import KEYWORDS, SUBQUERIES, Structure
from t2q.languages.cypher_tokens import tokenize, where

_CLOSERS = {")": "(", "]": "[", "}": "{"}
# Before a bracket these are words of the language; any other name is a function.
_NOT_FUNCTIONS = KEYWORDS - {"ALL", "ANY"}


@lru_cache(maxsize=4096)
def read(query: str) -> Structure:
    """The structure of a query (shared between callers). Raises SyntaxRefused for what has no tokens or no balance."""
    structure = Structure(tokenize(query))
    while structure.text(len(structure.tokens) - 1) == ";":
        structure.tokens.pop()
    _match_brackets(structure, query)
    structure.roles = [""] * len(structure.tokens)
    for step in (_names, label_predicates, patterns, _projections, _words):
        step(structure)
    return structure


def _match_brackets(s: Structure, query: str) -> None:
    stack: list[int] = []
    for i, token in enumerate(s.tokens):
        if token.text in _CLOSERS:
            if not stack or s.tokens[stack[-1]].text != _CLOSERS[token.text]:
                raise SyntaxRefused(f"{where(query, token.start)}: {token.text!r} closes nothing")
            s.partner[i] = stack[-1]
            s.partner[stack.pop()] = i
        s.opener.append(stack[-1] if stack else -1)
        if token.text in _CLOSERS.values():
            stack.append(i)
    if stack:
        token = s.tokens[stack[-1]]
        raise SyntaxRefused(f"{where(query, token.start)}: {token.text!r} is not closed")


def _names(s: Structure) -> None:
    """Properties, map keys and functions, by the dot, colon or bracket beside them."""
    i = 0
    while i < len(s.tokens):
        if not s.named(i):
            i += 1
            continue
        end = i
        while s.text(end + 1) == "." and s.named(end + 2):
            end += 2
        dotted = s.text(i - 1) == "."
        called = s.text(end + 1) == "(" and (end > i or s.tokens[i].upper not in _NOT_FUNCTIONS)
        if not dotted and (called or (end > i and s.word(i - 1) == "CALL")):
            mark(s, range(i, end + 1, 2), "function")
        elif dotted:
            mark(s, range(i, end + 1, 2), "property")
            s.accesses.append((_projected(s, i), s.tokens[i].value))
        elif end > i:
            s.roles[i] = "variable"
            mark(s, range(i + 2, end + 1, 2), "property")
            s.accesses.append((s.tokens[i].value, s.tokens[i + 2].value))
        elif s.text(i + 1) == ":" and s.text(i - 1) in ("{", ",") and s.text(s.opener[i]) == "{":
            s.roles[i] = "key"
        i = end + 1


def _projected(s: Structure, i: int) -> str:
    """The variable p of a map projection `p {.name}`, where i is the place of `name`; "" elsewhere."""
    base = s.opener[i] - 1
    return s.tokens[base].value if s.text(i - 2) in ("{", ",") and s.named(base) else ""


def _projections(s: Structure) -> None:
    for i in range(1, len(s.tokens) - 1):
        if s.word(i) != "AS" or not s.named(i + 1):
            continue
        s.roles[i + 1] = "variable"
        name = s.tokens[i + 1].value
        plain = s.named(i - 1) and s.roles[i - 1] in ("", "variable")
        if plain and (s.word(i - 2) in ("WITH", "RETURN", "DISTINCT") or s.text(i - 2) == ","):
            s.renamed[name] = s.tokens[i - 1].value
        else:
            s.aliases.add(name)


def _words(s: Structure) -> None:
    """What is left: a keyword, unless the name is spelled as a variable of the query is."""
    variables = {t.value for t, role in zip(s.tokens, s.roles, strict=True) if role == "variable"}
    cases = 0
    for i, token in enumerate(s.tokens):
        if not s.named(i) or s.roles[i]:
            continue
        typed = s.text(i - 1) == "::"
        keyword = typed or token.upper in KEYWORDS or (s.text(i + 1) == "{" and token.upper in SUBQUERIES)
        taken = token.text in variables and not (token.upper == "ORDER" and s.text(i + 1).upper() == "BY")
        if token.upper == "END" and cases and s.roles[i - 1] != "keyword":
            taken = False
        s.roles[i] = "keyword" if keyword and not taken else "variable"
        cases += (s.word(i) == "CASE") - (s.word(i) == "END")
