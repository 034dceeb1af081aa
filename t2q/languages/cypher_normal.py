"""One spelling for Cypher queries that mean the same by their words."""

from __future__ import annotations

import re

from t2q.languages.cypher_structure import Structure, is_subquery
from t2q.languages.cypher_tokens import write_string

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NO_SPACE_AFTER = ("(", "[", ".", "..", "$")
_NO_SPACE_BEFORE = (")", "]", ".", "..", ",", ":", ";")
# Behind one of these, or a keyword, a minus is the sign of a number.
_OPERATORS = ("(", "[", ",", ":", "|", "=", "<", ">", "<=", ">=", "<>", "+", "-", "*", "/", "%", "^")


def quote(name: str) -> str:
    """The name, in backticks unless it is plain. Keywords too may be labels, types and properties without them."""
    return name if _PLAIN.fullmatch(name) else "`" + name.replace("`", "``") + "`"


def words(s: Structure, blank: bool = False) -> list[str]:
    """The tokens, each in its normal spelling; literals as `?` where `blank` is set.

    Keywords are in upper case, functions in lower case, strings in single quotes, backticks only where needed, and
    variables (aliases too) are v1, v2, ... in the order in which they appear.
    """
    variables: dict[str, str] = {}
    out = []
    for i, (token, role) in enumerate(zip(s.tokens, s.roles, strict=True)):
        if role == "keyword":
            constant = token.upper in ("TRUE", "FALSE")
            out.append("?" if blank and constant else token.upper)
        elif role == "function":
            dotted = "." in (s.text(i - 1), s.text(i + 1))  # apoc.text.indexOf minds the case
            out.append(quote(token.value if dotted else token.value.lower()))
        elif role == "variable":
            out.append(variables.setdefault(token.value, f"v{len(variables) + 1}"))
        elif token.kind in ("name", "quoted"):
            out.append(quote(token.value))
        elif blank and (token.kind in ("string", "number") or _is_sign(s, i)):
            out.append("" if token.text == "-" else "?")
        else:
            out.append(write_string(token.value) if token.kind == "string" else token.text)
    return out


def _is_sign(s: Structure, i: int) -> bool:
    """Whether the token is the minus of a negative number."""
    if s.text(i) != "-" or s.roles[i] == "arrow" or i + 1 == len(s.tokens) or s.tokens[i + 1].kind != "number":
        return False
    return s.roles[i - 1] == "keyword" or (s.tokens[i - 1].kind == "symbol" and s.text(i - 1) in _OPERATORS)


def spell(s: Structure, blank: bool = False) -> str:
    """The query on one line, with one way to set spaces."""
    out = words(s, blank)
    text = ""
    for i, word in enumerate(out):
        text += word if i == 0 or not _space(s, i) else f" {word}"
    return text


def _space(s: Structure, i: int) -> bool:
    """Whether a space stands between the tokens i - 1 and i."""
    before, here = s.text(i - 1), s.text(i)
    after_symbol, symbol = s.tokens[i - 1].kind == "symbol", s.tokens[i].kind == "symbol"
    roles = (s.roles[i - 1], s.roles[i])
    if "arrow" in roles:
        return False
    if after_symbol and before == ":":
        return s.roles[i - 2] == "key"
    if after_symbol and before == "{":
        return is_subquery(s, i - 1)
    if symbol and here == "}":
        return is_subquery(s, s.partner[i])
    if (symbol and here in _NO_SPACE_BEFORE) or (after_symbol and before in _NO_SPACE_AFTER):
        return False
    if here in ("|", "&", "!") or before in ("|", "&", "!"):
        return "label" not in roles and "type" not in roles
    if here == "(":
        return s.roles[i - 1] != "function"
    if here == "[":
        return (after_symbol and before not in (")", "]", "}")) or s.roles[i - 1] == "keyword"
    if here == "*" or before == "*":
        return s.text(s.opener[i]) != "["
    return not _is_sign(s, i - 1)
