"""Whether a database cuts the text of a query into the same pieces as sqlglot, so that nothing it runs is hidden from
the proof in what sqlglot takes for a string or a comment.

It is so where all that stands between two tokens is blanks and comments that every database reads as such, and each
quoted token is what the database's own grammar calls one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from sqlglot.tokens import Token

from t2q.errors import NotReadOnly

# Strings and quoted names. The character after one must not be its quote again: sqlglot read it to its end.
_STRING = r"'(?:[^']|'')*'"
_NAME = r'"(?:[^"]|"")*"'
_BACKTICKS = r"`(?:[^`]|``)*`"
_BRACKETS = r"\[[^\]]*\]"
_BITS = r"[bBxX]'[0-9A-Fa-f]*'"
_NATIONAL = rf"[nN]{_STRING}"
_ESCAPED = r"[eE]'(?:[^'\\]|''|\\.)*'"
_BACKSLASHED = (r"[nN]?'(?:[^'\\]|''|\\.)*'", r'"(?:[^"\\]|""|\\.)*"')

_LINE = r"--[^\r\n]*(?:\r?\n|\Z)"
_BLOCK = r"/\*(?![!+]|[mM]!)(?:(?!\*/|/\*).)*\*/"  # MySQL runs `/*! … */`, MariaDB `/*M! … */` too; some nest
_HASH = r"#[^\r\n]*(?:\r?\n|\Z)"
_LINE_BLANK = r"--(?:[ \t][^\r\n]*)?(?:\r?\n|\Z)"  # to MySQL `--` is a comment only before a blank

# Outside of quotes: characters that some databases take for blanks and others for parts of a name, and signs that begin
# a comment or a quoted text of another kind.
_BLANKS_OF_SOME = "\u00a0\u00ad\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff"
_QUOTE = re.compile("['\"`]")
_PREFIXED = re.compile(r"[\w$&]'|&\"")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_DOUBLE_QUOTED_STRINGS = {"mysql", "mariadb"}


@dataclass(frozen=True)
class _Grammar:
    quoted: re.Pattern[str]
    between: re.Pattern[str]
    refused: re.Pattern[str]  # in what is neither quoted nor between tokens
    string_ends: str


@cache
def _grammar(dialect: str) -> _Grammar:
    quoted, comments, refused = [_STRING, _NAME, _BITS, _NATIONAL], [_LINE, _BLOCK], [r"--"]
    if dialect in _DOUBLE_QUOTED_STRINGS:
        quoted = [*_BACKSLASHED, _BACKTICKS, _BITS]
        comments, refused = [_LINE_BLANK, _HASH, _BLOCK], [r"--(?=[\s]|\Z)", "#"]
    elif dialect in ("postgresql", "duckdb"):
        quoted.append(_ESCAPED)
        refused.append(r"\$")  # quotes with dollar signs, which may also stand in a name
    elif dialect == "sqlite":
        quoted += [_BACKTICKS, _BRACKETS]
    else:
        quoted += [_BACKTICKS, _BRACKETS, _ESCAPED]
    return _Grammar(
        re.compile("|".join(quoted), re.DOTALL),
        re.compile(f"(?:[ \t\r\n]|{'|'.join(comments)})*", re.DOTALL),
        re.compile("|".join([*refused, r"/\*", r"\*/", r"\\", f"[{_BLANKS_OF_SOME}]"])),
        "'\"" if dialect in _DOUBLE_QUOTED_STRINGS else "'",
    )


def prove_same_pieces(query: str, tokens: Sequence[Token], dialect: str) -> None:
    """Raises NotReadOnly where a database could read the text as something else than these tokens."""
    if _CONTROL.search(query):
        raise NotReadOnly("a character in the query that cannot be printed")
    grammar = _grammar(dialect)
    place, bare, after_string = 0, [], False
    for token in tokens:
        start, end = token.start, token.end + 1
        gap, piece = query[place:start], query[start:end]
        _prove_gap(gap, grammar)
        quoted = not piece.isalnum() and grammar.quoted.fullmatch(piece) is not None
        string = quoted and piece[-1] in grammar.string_ends
        # A string that ends elsewhere to some; `e'…'` where sqlglot sees a name and a string; `'…' '…'`, which to some
        # is one string with the escapes of its first part.
        if (
            (not quoted and not piece.isalnum() and _QUOTE.search(piece))
            or (quoted and query[end : end + 1] == piece[-1])
            or (quoted and start and _PREFIXED.match(query, start - 1))
            or (string and after_string)
        ):
            raise NotReadOnly(f"the string {piece[:40]} is read in several ways by databases")
        bare += [gap and " ", "''" if quoted else piece]
        place, after_string = end, string
    _prove_gap(query[place:], grammar)
    found = grammar.refused.search("".join(bare))
    if found:
        raise NotReadOnly(f"{found.group()!r} in the query, which databases read in several ways")


def _prove_gap(gap: str, grammar: _Grammar) -> None:
    if gap not in ("", " ") and not grammar.between.fullmatch(gap):
        raise NotReadOnly("a comment or a blank that some databases read as code")
