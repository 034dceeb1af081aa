"""SQL's words and symbols: where each may stand, and what comes after it."""

from __future__ import annotations

from t2q.guiding.words import WORDLISTS

TESTS = {"in": "in", "between": "operand", "not": "test"} | dict.fromkeys(
    ["like", "ilike", "glob", "regexp"], "operand"
)
JOINS = {"join": "table", "natural": "join", "cross": "join"}
JOINS |= dict.fromkeys(["inner", "left", "right", "full"], "join")
CLAUSES = {"from": "table", "where": "operand", "group": "by", "having": "operand", "order": "by"}
CLAUSES |= {"limit": "operand", "offset": "operand", "union": "set", "intersect": "set", "except": "set"}
ORDER = list(CLAUSES)

# what may stand there, and what comes after it
WORDS: dict[str, dict[str, str]] = {
    "start": {"select": "operand", "with": "cte"},
    "subselect": {"select": "operand"},
    "operand": dict.fromkeys(["not", "exists", "distinct", "all", "interval"], "operand")
    | dict.fromkeys(["null", "true", "false", "current_date", "current_time", "current_timestamp"], "operator")
    | {"case": "case"},
    "case": {"when": "operand"},
    "operator": {"and": "operand", "or": "operand", "is": "test", "as": "output", "collate": "output"} | TESTS,
    "test": TESTS | {"null": "operator", "true": "operator", "false": "operator", "distinct": "test"},
    "in": {},
    "by": {"by": "operand"},
    "set": {"all": "set", "select": "operand"},
    "join": {"join": "table", "outer": "join", "inner": "join", "left": "join"},
    "joining": {"as": "alias", "on": "operand", "using": "using"},
    "twice": {"as": "alias"},
    "after_table": {"as": "alias"} | JOINS,
    "sorted": {"nulls": "nulls"},
    "nulls": {"first": "sorted", "last": "sorted"},
    "cte": {"recursive": "cte"},
    "as": {"as": "bracket"},
    "after_cte": {"select": "operand"},
}
IN_CASE = {"when": "operand", "then": "operand", "else": "operand", "end": "operator"}
WINDOW = {"over": "window", "filter": "window"}
IN_WINDOW = {"partition": "by", "order": "by"}
SORTING = {"asc": "sorted", "desc": "sorted", "nulls": "nulls"}
UNITS = frozenset(WORDLISTS["sql"]["units"].split())
KEYWORDS = frozenset(word for words in WORDS.values() for word in words)
KEYWORDS |= {*CLAUSES, *IN_CASE, *SORTING}

SYMBOLS: dict[str, str] = {
    "operand": "( -",
    "case": "( -",
    "operator": "= <> != < > <= >= + - * / % ||",
    "key": "=",
    "table": "(",
    "in": "(",
    "using": "(",
    "bracket": "(",
    "window": "(",
    "after_cte": ",",
    "ended": ";",
}
NAMED = {"output", "alias", "cte", "twice"}  # where a name of the query's own may stand

AGGREGATES = frozenset(WORDLISTS["sql"]["aggregates"].split())
OF_NUMBERS = frozenset(WORDLISTS["sql"]["of_numbers"].split())
OF_DATES = frozenset(WORDLISTS["sql"]["of_dates"].split())
COMPARISONS = frozenset(["=", "<>", "!=", "<", ">", "<=", ">="])
