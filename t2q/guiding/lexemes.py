"""Where a query that is still being written can be cut: whole lexemes, and the last one that may yet go on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

# Text here is UTF-8 seen as Latin-1, one character a byte: a token may end within a letter.
_REST_OF_WORD = r"[\w$\x80-\xff]*"
_SQL = re.compile(
    r"""
    (?P<blank>\s+)
  | (?P<string>'(?:[^']|'')*'(?!'))
  | (?P<quoted>"(?:[^"]|"")*"(?!")|`(?:[^`]|``)*`(?!`)|\[[^\]]*\])
  | (?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?(?:\d+|\Z))?)
  | (?P<word>[A-Za-z_\x80-\xff]REST)
  | (?P<symbol><>|<=|>=|!=|\|\||::|[-+*/%=<>(),.;!|:])
    """.replace("REST", _REST_OF_WORD),
    re.VERBOSE,
)
_CYPHER = re.compile(
    r"""
    (?P<blank>\s+)
  | (?P<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
  | (?P<quoted>`(?:[^`]|``)*`(?!`))
  | (?P<number>(?:\d+(?:\.(?!\.)\d*)?|\.\d+)(?:[eE][+-]?(?:\d+|\Z))?)
  | (?P<word>[A-Za-z_\x80-\xff]REST)
  | (?P<symbol><=|>=|<>|=~|\.\.|[-+*/%^=<>()\[\]{}.,:;|&!$])
    """.replace("REST", _REST_OF_WORD),
    re.VERBOSE | re.DOTALL,
)
_PATTERNS = {"sql": _SQL, "cypher": _CYPHER}
_OPENING = {"sql": {"'": "string", '"': "quoted", "`": "quoted", "[": "quoted"}}
_OPENING["cypher"] = {"'": "string", '"': "string", "`": "quoted"}
_NEVER_LONGER = set("(){}],;")  # a symbol, or a closing bracket, that no later letter changes


class Lexeme(NamedTuple):
    """`kind`: blank, string, quoted, number, word or symbol. `open`: it may still grow."""

    kind: str
    text: str
    open: bool = False


def cut(text: str, language: str) -> Iterator[Lexeme]:
    """The lexemes of a beginning of a query. One of kind "" stands for what no query of the language can hold."""
    pattern, place = _PATTERNS[language], 0
    while place < len(text):
        match = pattern.match(text, place)
        if match is None:
            yield Lexeme(_OPENING[language].get(text[place], ""), text[place:], open=True)
            return
        place = match.end()
        found = match.group()
        last = place == len(text) and found not in _NEVER_LONGER
        yield Lexeme(match.lastgroup or "", found, last)
