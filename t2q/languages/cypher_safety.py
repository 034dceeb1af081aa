"""The proof that a Cypher query only reads.

It holds on the words alone, without knowing the grammar of whole queries: a writing clause begins with one of few
keywords, so each of these words must stand where no clause can begin (a property, a label, a key, a variable in its
pattern). Where that is in doubt the query is refused: a variable called `set` can cost an answer, never a write.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import yaml

from t2q.errors import NotReadOnly, SyntaxRefused
from t2q.languages.cypher_structure import CLAUSES, words
from t2q.languages.cypher_tokens import Token, tokenize

STARTS = ("MATCH", "OPTIONAL", "WITH", "UNWIND", "RETURN", "CALL")
ADMINISTRATION = words("SHOW DROP ALTER GRANT DENY REVOKE TERMINATE RENAME ENABLE START STOP EXPLAIN PROFILE CYPHER")
WRITES = words("CREATE MERGE SET DELETE DETACH NODETACH REMOVE FOREACH INSERT USE")
# Neo4j 5 replaces \uXXXX before it reads anything, quotes included, so that a "string" could end elsewhere than here;
# a carriage return alone ends a comment in some readers only.
_TRICKS = re.compile(r"\\u|\r(?!\n)", re.IGNORECASE)
_NO_CLAUSE_AFTER = words("( [ : | & ! $")
_NO_CLAUSE_BEFORE = words(") ] } , . : = <> <= >= > =~")


@lru_cache(maxsize=1)
def _allowed() -> tuple[re.Pattern[str], re.Pattern[str]]:
    rules = yaml.safe_load((Path(__file__).parent / "cypher_functions.yaml").read_text(encoding="utf-8"))
    procedures, functions = ("|".join(f"(?:{rule})" for rule in rules[k]) for k in ("procedures", "functions"))
    return re.compile(procedures, re.IGNORECASE), re.compile(functions, re.IGNORECASE)


def prove_read_only(query: str) -> None:
    """Raises NotReadOnly with the reason; SyntaxRefused where the query has unclosed quotes or strange characters.

    Proven means: one statement that begins with a reading clause; no writing clause on any level; no LOAD CSV, no
    CALL … IN TRANSACTIONS, no USE; only listed procedures and namespaced functions (`cypher_functions.yaml`).
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
        if token.upper == "LOAD" and _text(tokens, i + 1).upper() == "CSV":
            raise NotReadOnly("LOAD CSV inside the query")
        if token.upper in ("TRANSACTIONS", "TRANSACTION") and _text(tokens, i - 1).upper() in ("IN", "CONCURRENT"):
            raise NotReadOnly("CALL … IN TRANSACTIONS inside the query")
        if token.upper == "UNION":
            _prove_start(tokens, i + 1 + (_text(tokens, i + 1).upper() in ("ALL", "DISTINCT")))
        if token.upper == "CALL" and _may_begin_clause(tokens, i):
            _prove_call(tokens, i + 1)
        if token.text == "(":
            _prove_function(tokens, i)


def _text(tokens: list[Token], i: int) -> str:
    """A symbol or a word; "" for strings, numbers, quoted names, and outside of the query."""
    return tokens[i].text if 0 <= i < len(tokens) and tokens[i].kind in ("symbol", "name") else ""


def _may_begin_clause(tokens: list[Token], i: int) -> bool:
    """Whether the word at i can be the keyword of a clause there; if not it is somebody's name."""
    before, after = _text(tokens, i - 1), _text(tokens, i + 1)
    if before in _NO_CLAUSE_AFTER or after in _NO_CLAUSE_BEFORE or i + 1 == len(tokens):
        return False
    if before == "." and tokens[i - 2].kind != "number":
        return False
    if after.upper() == "ORDER":
        return _text(tokens, i + 2).upper() != "BY"
    return not (after.upper() in ("SKIP", "OFFSET", "LIMIT") and i + 2 < len(tokens) and tokens[i + 2].kind == "number")


def _prove_start(tokens: list[Token], i: int) -> None:
    if _text(tokens, i).upper() not in STARTS and _may_begin_clause(tokens, i - 1):
        raise NotReadOnly(f"a query may not go on with {_text(tokens, i).upper() or 'nothing'} after UNION")


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
    if not _allowed()[0].fullmatch(name):
        raise NotReadOnly(f"the procedure {name or '?'} is not on the list of procedures that only read")


def _prove_function(tokens: list[Token], bracket: int) -> None:
    name = _dotted(tokens, bracket - 1, -1)
    if "." not in name or _allowed()[1].fullmatch(name) or _allowed()[0].fullmatch(name):
        return
    raise NotReadOnly(f"the function {name} is not on the list of functions that only read")
