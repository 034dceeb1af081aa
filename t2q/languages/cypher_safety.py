"""The proof that a Cypher query only reads.

It holds on the words alone, without knowing the grammar of whole queries: a writing clause begins with one of few
keywords, so each of these words must stand where no clause can begin (a property, a label, a key, a variable in its
pattern). Where that is in doubt the query is refused: a variable called `set` can cost an answer, never a write.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from t2q.errors import NotReadOnly, SyntaxRefused
from t2q.languages.cypher_structure import CLAUSES, KEYWORDS, words
from t2q.languages.cypher_tokens import Token, tokenize
from t2q.package_data import read_yaml

STARTS = ("MATCH", "OPTIONAL", "WITH", "UNWIND", "RETURN", "CALL")
ADMINISTRATION = words("SHOW DROP ALTER GRANT DENY REVOKE TERMINATE RENAME ENABLE START STOP EXPLAIN PROFILE CYPHER")
WRITES = words("CREATE MERGE SET DELETE DETACH NODETACH REMOVE FOREACH INSERT USE")
# Neo4j 5 replaces \uXXXX before it reads anything, quotes included, so that a "string" could end elsewhere than here;
# a carriage return alone ends a comment in some readers only.
_TRICKS = re.compile(r"\\u|\r(?!\n)", re.IGNORECASE)
# Before a bracket these are no functions: keywords, and what a path pattern may begin with.
_NO_FUNCTIONS = KEYWORDS | words("PATH PATHS GROUP GROUPS")
_NEW_CLAUSES = words("FILTER LET NEXT")  # of Cypher 25
_VALUES = words("END TRUE FALSE NULL")
_NO_CLAUSE_AFTER = words("( [ : | & ! $ , = <> <= >= =~ / % ^")
_NO_CLAUSE_BEFORE = words(") ] } , . : = <> <= >= > =~ * / % ^")


@dataclass(frozen=True)
class _Callable:
    """What `cypher_functions.yaml` lets a query call."""

    built_in: frozenset[str]
    functions: re.Pattern[str]
    procedures: re.Pattern[str]


@lru_cache(maxsize=1)
def _allowed() -> _Callable:
    rules = read_yaml("t2q.languages", "cypher_functions.yaml")
    functions, procedures = (
        re.compile("|".join(f"(?:{rule})" for rule in rules[kind]), re.IGNORECASE)
        for kind in ("functions", "procedures")
    )
    return _Callable(words(rules["built_in"]), functions, procedures)


def prove_read_only(query: str) -> None:
    """Raises NotReadOnly with the reason; SyntaxRefused where the query has unclosed quotes or strange characters.

    Proven means: one statement that begins with a reading clause; no writing clause on any level; no LOAD CSV, no
    CALL … IN TRANSACTIONS, no USE; only listed procedures and functions (`cypher_functions.yaml`).
    """
    if _TRICKS.search(query):
        raise NotReadOnly("a unicode escape or a bare carriage return, which databases read differently")
    tokens = tokenize(query)
    while tokens and tokens[-1].text == ";":
        tokens.pop()
    if any(token.text == ";" for token in tokens):
        raise NotReadOnly("several statements where one may run")
    first = tokens[0].upper if tokens else ""
    if first not in STARTS:
        if first in CLAUSES or first in ADMINISTRATION:
            raise NotReadOnly(f"a query may not begin with {first}")
        raise SyntaxRefused(f"a query cannot begin with {tokens[0].text!r}" if tokens else "no statement")
    for i, token in enumerate(tokens):
        if token.upper in WRITES and _may_begin_clause(tokens, i):
            raise NotReadOnly(f"{token.upper} inside the query")
        if token.upper == "LOAD" and _word(tokens, i + 1) == "CSV":
            raise NotReadOnly("LOAD CSV inside the query")
        if token.upper in ("TRANSACTIONS", "TRANSACTION") and _word(tokens, i - 1) in ("IN", "CONCURRENT"):
            raise NotReadOnly("CALL … IN TRANSACTIONS inside the query")
        if token.upper == "UNION":
            _prove_start(tokens, i + 1 + (_word(tokens, i + 1) in ("ALL", "DISTINCT")))
        if token.upper == "CALL" and _may_begin_clause(tokens, i):
            _prove_call(tokens, i + 1)
        if token.text == "(":
            _prove_function(tokens, i)


def _text(tokens: list[Token], i: int) -> str:
    """A symbol or a word; "" for strings, numbers, quoted names, and outside of the query."""
    return tokens[i].text if 0 <= i < len(tokens) and tokens[i].kind in ("symbol", "name") else ""


def _word(tokens: list[Token], i: int) -> str:
    """A word in upper case; "" for anything else."""
    return tokens[i].upper if 0 <= i < len(tokens) else ""


def _may_begin_clause(tokens: list[Token], i: int) -> bool:
    """Whether the word at i can be the keyword of a clause there; if not it is somebody's name."""
    before, after = _text(tokens, i - 1), _text(tokens, i + 1)
    if before == "." and tokens[i - 2].kind != "number":
        return False
    if after == "(":
        return True
    if before in _NO_CLAUSE_AFTER or after in _NO_CLAUSE_BEFORE or i + 1 == len(tokens) or _is_alias(tokens, i):
        return False
    next_word, third = _word(tokens, i + 1), _word(tokens, i + 2)
    if next_word == "AS":  # and not a variable of that name
        return not third or third in KEYWORDS or third in _NEW_CLAUSES
    if next_word == "ORDER":
        return third != "BY"
    return not (next_word in ("SKIP", "OFFSET", "LIMIT") and i + 2 < len(tokens) and tokens[i + 2].kind == "number")


def _is_alias(tokens: list[Token], i: int) -> bool:
    """Whether an expression and AS stand before the word at i: not a variable that is called `as`."""
    if i < 2 or _word(tokens, i - 1) != "AS":
        return False
    last = tokens[i - 2]
    named = last.upper not in KEYWORDS - _VALUES or _text(tokens, i - 3) == "."
    return named if last.kind == "name" else last.kind != "symbol" or last.text in (")", "]", "}")


def _prove_start(tokens: list[Token], i: int) -> None:
    if _word(tokens, i) not in STARTS and _may_begin_clause(tokens, i - 1):
        raise NotReadOnly(f"a query may not go on with {_word(tokens, i) or 'nothing'} after UNION")


def _dotted(tokens: list[Token], i: int, step: int) -> str:
    """The dotted name that begins (step 1) or ends (step -1) at i, backticks removed."""
    parts = []
    while 0 <= i < len(tokens) and tokens[i].kind in ("name", "quoted"):
        parts.append(tokens[i].value)
        if _text(tokens, i + step) != ".":
            break
        i += 2 * step
    return ".".join(parts[::step])


def _prove_call(tokens: list[Token], i: int) -> None:
    if _text(tokens, i) == "{":
        return
    if _text(tokens, i) == "(":  # CALL (variables) { … }
        while i < len(tokens) and tokens[i].text != ")":
            i += 1
        if _text(tokens, i + 1) == "{":
            return
    name = _dotted(tokens, i, 1)
    if not _allowed().procedures.fullmatch(name):
        raise NotReadOnly(f"the procedure {name or '?'} is not on the list of procedures that only read")


def _prove_function(tokens: list[Token], bracket: int) -> None:
    name = _dotted(tokens, bracket - 1, -1)
    allowed = _allowed()
    if "." in name:
        proven = bool(allowed.functions.fullmatch(name) or allowed.procedures.fullmatch(name))
    else:
        proven = not name or name.lower() in allowed.built_in or tokens[bracket - 1].upper in _NO_FUNCTIONS
    if not proven:
        raise NotReadOnly(f"the function {name} is not on the list of functions that only read")
