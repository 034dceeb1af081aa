"""Cypher's words: names, quoted names, strings, numbers, parameters and symbols, each with its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from t2q.errors import SyntaxRefused

LONGEST = 20_000  # characters of a query; none of 10,064 of Text2Cypher and Movies has more than 790

Kind = Literal["name", "quoted", "string", "number", "parameter", "symbol"]

_TOKEN = re.compile(
    r"""
    (?P<blank>\s+|//[^\n\r]*|/\*.*?\*/)
  | (?P<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
  | (?P<quoted>`(?:[^`]|``)*`)
  | (?P<parameter>\$(?:\w+|`(?:[^`]|``)*`))
  | (?P<number>0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|(?:\d[\d_]*)?\.\d[\d_]*(?:[eE][+-]?\d+)?|\d[\d_]*(?:[eE][+-]?\d+)?)
  | (?P<name>[^\W\d]\w*)
  | (?P<symbol><=|>=|<>|!=|=~|\+=|\.\.|\|\||::|[-+*/%^=<>()\[\]{}.,:;|&!$])
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_WRITTEN = {
    "\\": "\\\\",
    "'": "\\'",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\b": "\\b",
    "\f": "\\f",
}
_OPEN = {"'": "string in single quotes", '"': "string in double quotes", "`": "name in backticks", "/": "comment"}


@dataclass(frozen=True)
class Token:
    """`text` as written; `start` counts characters from the beginning of the query."""

    kind: Kind
    text: str
    start: int

    @cached_property
    def upper(self) -> str:
        """Of an unquoted name, in upper case: keywords and built-in functions do not mind the case; else "". A letter
        that some readers take for an ASCII one, such as the Kelvin sign, is one here."""
        return self.text.casefold().upper() if self.kind == "name" else ""

    @property
    def value(self) -> str:
        """What the token means: a quoted name without its backticks, a string without quotes and escapes."""
        if self.kind == "quoted":
            return self.text[1:-1].replace("``", "`")
        if self.kind == "string":
            return _ESCAPE.sub(_unescape, self.text[1:-1])
        return self.text


def _unescape(match: re.Match[str]) -> str:
    code = match.group(1)
    return chr(int(code[1:], 16)) if len(code) > 1 else _ESCAPES.get(code, code)


def write_string(value: str) -> str:
    """A string literal in single quotes."""
    return "'" + "".join(_WRITTEN.get(c, c) for c in value) + "'"


def tokenize(query: str) -> list[Token]:
    """The tokens without white space and comments. Raises SyntaxRefused with line and column."""
    if len(query) > LONGEST:
        raise SyntaxRefused(f"the query has more than {LONGEST:,} characters")
    return list(scan(query))


def scan(query: str) -> Iterator[Token]:
    """The tokens one by one; SyntaxRefused comes where the first is that cannot be read."""
    place = 0
    while place < len(query):
        match = _TOKEN.match(query, place)
        if not match or (query.startswith("/*", place) and match.lastgroup == "symbol"):
            what = _OPEN.get(query[place])
            raise SyntaxRefused(
                f"{where(query, place)}: " + (f"a {what} is not closed" if what else f"unexpected {query[place]!r}")
            )
        if match.lastgroup != "blank":
            yield Token(match.lastgroup, match.group(), place)  # type: ignore[arg-type]
        place = match.end()


def where(query: str, place: int) -> str:
    """`line 2, column 5`, both counted from one."""
    line = query.count("\n", 0, place) + 1
    return f"line {line}, column {place - (query.rfind(chr(10), 0, place) + 1) + 1}"
