"""Regular expressions that end soon, whatever text they meet.

Java tries all ways to share a text out among repetitions: exponentially many where they stand within each other or
where choices follow each other, and polynomially many where repetitions do. Neo4j hears no timeout meanwhile.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from t2q.errors import TooCostly
from t2q.languages.cypher_structure import Structure

MOST_REPETITIONS = 3
MOST_CHOICES = 1000  # ways to take alternatives and optional parts
_PART = re.compile(
    r"""(?P<opens>\((?:\?(?:<?[=!]|<\w+>|[:>]|(?P<flags>[a-zA-Z-]+):?))?) | (?P<closes>\)) | (?P<choice>\|)
      | (?P<optional>\?)[?+]? | (?:[*+]|\{(?P<exactly>\d+)\}|\{\d+,\d*\})(?P<repeats>)[?+]?
      | (?P<refers>\\[1-9k]) | \\Q.*?(?:\\E|$) | \\[pP]\{\w+\} | \\. | \[\^?\]?(?:\\.|\[[^]]*\]|[^]\\])*\] | .""",
    re.DOTALL | re.VERBOSE,
)
_LETTERS = ("toLower", "toUpper")


def prove_patterns_end(s: Structure) -> None:
    """Raises TooCostly for a regular expression that may take long, or that is not written out in the query."""
    for i, token in enumerate(s.tokens):
        if token.text == "=~":
            pattern = _pattern(s, i + 1)
            if reason := _explodes(pattern):
                raise TooCostly(f"the regular expression {pattern[:60]!r} has {reason}")


def _pattern(s: Structure, i: int) -> str:
    """The text of the expression at i: strings, in lower or upper case as well, joined by plus signs."""
    text = ""
    while True:
        inside = s.text(i) in _LETTERS and s.text(i + 1) == "("
        i += 2 * inside
        if i >= len(s.tokens) or s.tokens[i].kind != "string" or (inside and s.text(i + 1) != ")"):
            raise TooCostly("a regular expression must be written out as one text")
        text += s.tokens[i].value
        i += 1 + inside
        if s.text(i) != "+":
            return text
        i += 1


@dataclass
class _Group:
    """A part in brackets, or what a repetition makes of its part."""

    branches: int = 1
    varies: bool = False  # whether it can match the same text in several ways
    repetitions: int = 0  # in the branch that is being read
    most: int = 0  # in any branch before it

    def choose(self) -> None:
        self.branches += 1
        self.most, self.repetitions = max(self.most, self.repetitions), 0


def _explodes(pattern: str) -> str:
    """What makes the time of a search explode; "" where nothing does."""
    choices = 1
    groups = [_Group()]
    last = _Group()  # what a quantifier would repeat
    for part in _PART.finditer(pattern):
        repeated, last = last, _Group()
        if "x" in (part["flags"] or ""):
            return "comments"
        if part["refers"]:
            return "a part that refers to what another has found"
        if part["opens"]:
            groups.append(_Group())
        elif part["closes"] and len(groups) > 1:
            last = groups.pop()
            choices *= last.branches
            groups[-1].repetitions += max(last.most, last.repetitions)
        elif part["choice"]:
            groups[-1].choose()
        elif part["optional"]:
            choices *= 2
            last.varies = True
        elif part["repeats"] is not None:
            if repeated.varies or repeated.branches > 1:
                return "repetitions or choices within repetitions"
            last.varies = part["exactly"] is None
            groups[-1].repetitions += last.varies
        groups[-1].varies |= last.varies or last.branches > 1
    if max(groups[0].most, groups[0].repetitions) > MOST_REPETITIONS:
        return f"more than {MOST_REPETITIONS} repetitions"
    return f"more than {MOST_CHOICES} ways to choose" if choices * groups[0].branches > MOST_CHOICES else ""
