"""Cypher's words and symbols: where each may stand, and what comes after it."""

from __future__ import annotations

from t2q.guiding.names import Functions
from t2q.guiding.words import WORDLISTS

READING = {
    "match": "pattern",
    "optional": "optional",
    "with": "projection",
    "return": "projection",
    "unwind": "operand",
}
TAIL = {"order": "by", "skip": "operand", "limit": "operand"}
TESTS = {"in": "operand", "is": "test", "contains": "operand", "starts": "match_with", "ends": "match_with"}

# what may stand there, and what comes after it
WORDS: dict[str, dict[str, str]] = {
    "start": READING,
    "optional": {"match": "pattern"},
    "projection": {"distinct": "operand"},
    "operand": {"not": "operand", "distinct": "operand", "exists": "exists", "count": "count", "case": "case"}
    | dict.fromkeys(["null", "true", "false"], "operator"),
    "case": {"when": "operand"},
    "exists": {},
    "sub": {"match": "pattern"},
    "operator": {"and": "operand", "or": "operand", "xor": "operand", "as": "output"} | TESTS,
    "test": {"not": "test", "null": "operator"},
    "match_with": {"with": "operand"},
    "by": {"by": "operand"},
    "union": {"all": "start"} | READING,
    "sorted": {},
}
AFTER = {  # the clauses that may follow each
    "match": {"where": "operand"} | READING,
    "where": READING,
    "unwind": READING,
    "with": {"where": "operand"} | TAIL | READING,
    "return": TAIL | {"union": "union"},
    "order": {"skip": "operand", "limit": "operand"},
    "skip": {"limit": "operand"},
    "limit": {},
}
IN_CASE = {"when": "operand", "then": "operand", "else": "operand", "end": "operator"}
SORTING = dict.fromkeys(["asc", "desc", "ascending", "descending"], "sorted")
KEYWORDS = frozenset(word for words in (*WORDS.values(), *AFTER.values(), IN_CASE, SORTING) for word in words)

SYMBOLS: dict[str, str] = {
    "pattern": "(",
    "projection": "*",
    "operand": "( [ -",
    "operator": "= <> < > <= >= =~ + - * / % ^ ,",
    "exists": "{ (",
    "count": "( {",
    "sub": "(",
    "node": ": ) {",
    "label_done": ") { :",
    "arrow": "[ - >",
    "arrow_in": "-",
    "rel": ": ] * {",
    "type_done": "] | { *",
    "length": "]",
    "rel_closed": "-",
    "rel_dash": "> (",
    "next_node": "(",
    "map": "}",
    "key_done": ":",
    "path": "=",
}
CLAUSES = frozenset([*READING, *TAIL, "where", "union", "as", "and", "or", "not"])
AGGREGATES = frozenset(WORDLISTS["cypher"]["aggregates"].split())
OF_NUMBERS = frozenset(WORDLISTS["cypher"]["of_numbers"].split())
NO_NUMBERS = frozenset(["text", "boolean", "date", "datetime", "time"])  # types of fields
BINDING = frozenset(WORDLISTS["cypher"]["binding"].split())
PARTS = frozenset(WORDLISTS["cypher"]["date_parts"].split())
SPACES = Functions(WORDLISTS["cypher"]["namespaces"].split())
CALLED = Functions(WORDLISTS["cypher"]["functions"].split())
PLAIN = CALLED.without(AGGREGATES)
FUNCTIONS = frozenset(WORDLISTS["cypher"]["functions"].lower().split())
COMPARISONS = frozenset(["=", "<>", "<", ">", "<=", ">=", "=~"])
