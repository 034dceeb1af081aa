"""How much one expression of a Cypher query may compute, since no time limit holds inside of it.

Databases look at the clock, and at what a query holds in memory, from row to row. What a loop within a loop over lists
does in between, or a text that doubles, only ends with the last step or with the memory of the server (seen: six
minutes with a timeout of five seconds). So the values that a query's expressions touch are added up beforehand, those
inside of a loop as often as it turns. A list of unknown length counts as `UNKNOWN`, so two loops over such lists within
each other are too many; a name counts as much as the expression that it was given to, so that a chain of `s + s AS s`
is seen as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from t2q.errors import TooCostly
from t2q.languages.cypher_structure import Structure

MOST_VALUES = 10_000_000
MOST_RANGE = 10_000  # numbers of a range with written ends
MOST_SEARCHED = 20  # values whose texts a regular expression may look through at once
UNKNOWN = 5_000  # values of a list that is stored, or collected from rows
SHORT = 100  # labels of a node, nodes of a path
CHARACTERS = 10  # of a text that count as one value
DOUBLINGS = 16

_QUANTIFIERS = ("ALL", "ANY", "NONE", "SINGLE")
_SHORT_LISTS = ("labels", "keys", "nodes", "relationships")
_COPYING = ("replace", "tojson")  # what they give can be many times as long as what they take
_SEPARATORS = ("WITH", "RETURN", "DISTINCT", "UNWIND", "WHERE", "AND", "OR", "XOR", "NOT", "WHEN", "THEN", "ELSE")
_RECKONING = ("*", "/", "%", "^", "-")
_COMPARING = ("=", "<>", "<", ">", "<=", ">=", "=~", "IN")
_INTEGER = re.compile(r"-?\d{1,18}")


@dataclass(frozen=True)
class Loop:
    """A list comprehension, a quantifier or reduce(): `variable` IN the list from token `start` to `body`, then what is
    done with each value, up to the bracket at `end`. `kept` is what reduce() hands from one value to the next."""

    variable: str
    start: int
    body: int
    end: int
    kept: str = ""


def prove_short(s: Structure) -> None:
    """Raises TooCostly where a range is too long, a value doubles, or more than MOST_VALUES are touched."""
    _Meter(s).run()


def _loops(s: Structure) -> Iterator[Loop]:
    for i in range(1, len(s.tokens) - 1):
        opener = s.opener[i]
        if opener < 0 or not s.named(i) or s.text(i + 1).upper() != "IN":
            continue
        called = s.text(opener - 1).upper() if s.text(opener) == "(" else ""
        if i == opener + 1 and (s.text(opener) == "[" or called in _QUANTIFIERS):
            kept = ""
        elif called == "REDUCE" and s.text(i - 1) == ",":
            kept = s.tokens[opener + 1].value
        else:
            continue
        end = s.partner[opener]
        inside = (k for k in range(i + 2, end) if s.opener[k] == opener)
        body = next((k for k in inside if s.text(k) == "|" or s.word(k) == "WHERE"), end)
        yield Loop(s.tokens[i].value, i + 2, body, end, kept)


class _Meter:
    """Goes through the words once. `_touched[i]` is what was touched before the word at i."""

    def __init__(self, s: Structure) -> None:
        self._s = s
        self._loops = {loop.body: loop for loop in _loops(s)}
        self._touched = [0.0]
        self._weights: dict[str, float] = {}  # the values that a name may stand for
        self._turns = [(len(s.tokens), 1.0)]  # (end, how often what stands before it is done), the innermost last

    def run(self) -> None:
        s = self._s
        for i in range(len(s.tokens)):
            while len(self._turns) > 1 and self._turns[-1][0] <= i:
                self._turns.pop()
            if i in self._loops:
                self._enter(self._loops[i])
            elif self._calls(i, "replace"):
                self._repeat(s.partner[i + 1], self._lengthened(i + 1))
            elif s.word(i) == "AS" and s.named(i + 1):
                self._give(s.tokens[i + 1].value, self._begins(i), i)
            elif s.text(i) == "=~" and self._weighed(self._begins(i), i) > MOST_SEARCHED:
                raise TooCostly("a regular expression may not look through a text that the query makes long")
            self._touched.append(self._touched[-1] + self._turns[-1][1] * self._weight(i))
            if self._touched[-1] > MOST_VALUES:
                raise TooCostly("the query's loops over lists take too long, or its values grow too large")

    def _weight(self, i: int) -> float:
        token, role = self._s.tokens[i], self._s.roles[i]
        if role == "function":
            return self._range(i) if self._calls(i, "range") else SHORT * self._calls(i, "join")
        if role in ("variable", "keyword"):
            return self._weights.get(token.value, float(role == "variable"))
        if token.kind == "string":
            return 1 + len(token.text) / CHARACTERS
        return float(token.kind in ("number", "parameter") or role == "property" or i in self._loops)

    def _weighed(self, start: int, end: int) -> float:
        """What the words from start to end weigh where they stand, the next one at most."""
        return (self._touched[end] - self._touched[start]) / self._turns[-1][1]

    def _begins(self, i: int) -> int:
        """Where the expression begins that ends before i."""
        s, inside = self._s, self._s.opener[i]
        while i - 1 > inside:
            i -= 1
            if s.opener[i] == inside and (s.text(i) in (",", "|") or s.word(i) in _SEPARATORS):
                return i + 1
        return i

    def _give(self, name: str, start: int, end: int) -> None:
        """The name stands for what the words from start to end are, or for each value of it."""
        weight = 1.0 if self._calls(start, "range") else self._weighed(start, end)
        self._weights[name] = max(self._weights.get(name, 1.0), weight)

    def _repeat(self, end: int, times: float) -> None:
        self._turns.append((end, self._turns[-1][1] * times))

    def _enter(self, loop: Loop) -> None:
        self._give(loop.variable, loop.start, loop.body)
        turns = self._length(loop.start, loop.body)
        if loop.kept:
            self._give(loop.kept, self._s.opener[loop.start - 2] + 3, loop.start - 3)
            if self._doubles(loop):
                if turns > DOUBLINGS:
                    raise TooCostly(f"reduce() doubles {loop.kept} with each value of its list")
                turns *= 2.0**turns
        self._repeat(loop.end, turns)

    def _length(self, start: int, end: int) -> float:
        """Of the list that the words from start to end write."""
        s = self._s
        called = s.roles[start] == "function"
        if s.partner.get(start + called) == end - 1:
            if s.text(start) == "[" and s.text(start + 2).upper() != "IN":
                return 1.0 + sum(s.text(k) == "," and s.opener[k] == start for k in range(start, end))
            if self._calls(start, "range"):
                return self._range(start)
            if called and s.text(start).lower() in _SHORT_LISTS:
                return SHORT
        return max(UNKNOWN, self._weighed(start, end))

    def _calls(self, i: int, function: str) -> bool:
        s = self._s
        return s.roles[i] == "function" and s.text(i + 1) == "(" and s.tokens[i].value.lower() == function

    def _range(self, i: int) -> float:
        """The length of range(…), exact where its ends are written. Ends that only the data know are left to UNWIND,
        which makes a row of each number, and to the sizes of lists."""
        s, bracket, end = self._s, i + 1, self._s.partner[i + 1]
        commas = [k for k in range(bracket, end) if s.text(k) == "," and s.opener[k] == bracket]
        cuts = [bracket, *commas, end]
        words = ["".join(map(s.text, range(a + 1, b))) for a, b in pairwise(cuts)]
        if all(_INTEGER.fullmatch(word) for word in words) and len(words) in (2, 3):
            first, last, step = [int(word) for word in [*words, "1"][:3]]
            length = float((last - first) // step + 1 if step else 0)
        elif s.word(i - 1) == "UNWIND" or self._is_sizes(bracket + 1, end):
            length = UNKNOWN
        else:
            raise TooCostly("range() whose ends are not written as numbers may only follow UNWIND")
        if length > MOST_RANGE:
            raise TooCostly(f"range() has more than {MOST_RANGE:,} numbers")
        return max(0.0, length)

    def _is_sizes(self, start: int, end: int) -> bool:
        """Whether the words are sizes of lists that stay small, plus or minus small numbers."""
        s, k = self._s, start
        while k < end:
            if self._calls(k, "size") or self._calls(k, "length"):
                inside = range(k + 2, s.partner[k + 1])
                if any(self._weights.get(s.tokens[j].value, 1.0) > SHORT for j in inside if s.named(j)):
                    return False
                k = s.partner[k + 1] + 1
            elif s.text(k) in ("+", "-", ",") or (_INTEGER.fullmatch(s.text(k)) and int(s.text(k)) <= MOST_RANGE):
                k += 1
            else:
                return False
        return True

    def _lengthened(self, bracket: int) -> float:
        """How many times as long replace(…) may make its text."""
        last = self._s.partner[bracket] - 1
        token = self._s.tokens[last]
        alone = token.kind == "string" and self._s.text(last - 1) == ","
        return float(max(1, len(token.value))) if alone else 10.0

    def _doubles(self, loop: Loop) -> bool:
        """Whether a turn may put what is `kept` into the next one more than once.

        Of the branches of a CASE one is taken, and what is reckoned with is no text and no list.
        """
        s = self._s
        inside = range(loop.body + 1, loop.end)
        uses = [k for k in inside if s.named(k) and s.tokens[k].value == loop.kept and s.roles[k] != "property"]
        chosen = any(s.word(k) == "CASE" for k in inside)
        if not chosen and any({s.text(k - 1), s.text(k + 1)} & {*_RECKONING} for k in uses):
            return False
        others = [other for other in self._loops.values() if loop.body < other.start < loop.end]
        copied = any(other.start <= k < other.body for other in others for k in uses)
        return copied or any(self._copies(k, loop.end) for k in uses) or self._taken(uses, loop) > 1

    def _copies(self, k: int, end: int) -> bool:
        """Whether the word at k stands inside of a call that may repeat it."""
        s, bracket = self._s, self._s.opener[k]
        while bracket >= 0 and s.partner[bracket] < end:
            if any(self._calls(bracket - 1, name) for name in _COPYING):
                return not self._calls(bracket - 1, "replace") or self._lengthened(bracket) > 1
            bracket = s.opener[bracket]
        return False

    def _taken(self, uses: list[int], loop: Loop) -> int:
        """How many of the uses one turn takes: of a CASE, those of the branch with most; none that is compared."""
        s = self._s
        open_cases: list[list[int]] = [[0]]  # the uses in each branch of each CASE that is open
        for k in range(loop.body + 1, loop.end):
            word = s.word(k)
            if word == "CASE":
                open_cases.append([0])
            elif word in ("WHEN", "THEN", "ELSE") and len(open_cases) > 1:
                open_cases[-1].append(0)
            elif word == "END" and len(open_cases) > 1:
                most = max(open_cases.pop()[1:], default=0)
                open_cases[-1][-1] += most
            elif k in uses and not {s.text(k - 1).upper(), s.text(k + 1).upper()} & {*_COMPARING}:
                open_cases[-1][-1] += 1
        return open_cases[0][0]
