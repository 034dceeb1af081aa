"""What a Cypher query is made of, as far as its words show it: patterns, labels, properties, calls, clauses.

This is a reader, not a parser: it takes the grammar of a query for granted (the database's EXPLAIN is the parser) and
finds out which name plays which role, by its neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from t2q.errors import SyntaxRefused
from t2q.languages.cypher_tokens import Token, tokenize, where


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


CLAUSES = words(
    "MATCH OPTIONAL WHERE WITH UNWIND RETURN ORDER SKIP OFFSET LIMIT UNION CALL YIELD FINISH CREATE MERGE SET DELETE "
    "DETACH NODETACH REMOVE FOREACH LOAD INSERT USE"
)
KEYWORDS = CLAUSES | words(
    "ALL AND ANY AS ASC ASCENDING BY CASE CONTAINS DESC DESCENDING DISTINCT ELSE END ENDS FALSE GROUPS IN IS NOT NULL "
    "ON OR SHORTEST STARTS THEN TRUE TYPED USING WHEN XOR TRANSACTIONS ROWS OF CONCURRENT"
)
_CLOSERS = {")": "(", "]": "[", "}": "{"}
_SUBQUERIES = ("CALL", "EXISTS", "COUNT", "COLLECT")
# Before a bracket these are words of the language; any other name is a function.
_NOT_FUNCTIONS = KEYWORDS - {"ALL", "ANY"}


@dataclass(frozen=True)
class Node:
    """`(variable:Label1|Label2 {key: ...})`, from token `start` to token `end`."""

    start: int
    end: int
    variable: str = ""
    labels: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Relationship:
    """`left -[variable:TYPE1|TYPE2 {key: ...}]-> right`; `direction` is "->", "<-" or "-" (either way)."""

    left: Node | None
    right: Node | None
    direction: str
    variable: str = ""
    types: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    several: bool = False  # of variable length, or quantified


@dataclass
class Structure:
    """`roles` has one word a token: keyword, variable, label, type, property, key, function, arrow, or "".

    `accesses` are (variable, property) pairs, `calls` the dotted names of functions with the place of the first token,
    `procedures` likewise for CALL, `renamed` maps an alias of a plain variable to that variable, `aliases` are the
    names given to anything else.
    """

    tokens: list[Token]
    partner: dict[int, int] = field(default_factory=dict)
    opener: list[int] = field(default_factory=list)
    roles: list[str] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    relationships: list[Relationship] = field(default_factory=list)
    predicates: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    accesses: list[tuple[str, str]] = field(default_factory=list)
    calls: list[tuple[str, int]] = field(default_factory=list)
    procedures: list[tuple[str, int]] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)
    aliases: set[str] = field(default_factory=set)

    def text(self, i: int) -> str:
        """The token's text; "" outside of the query."""
        return self.tokens[i].text if 0 <= i < len(self.tokens) else ""

    def word(self, i: int) -> str:
        """The keyword at i in upper case; "" where there is another token, or a name that is no keyword there."""
        inside = 0 <= i < len(self.tokens) and self.roles[i] in ("", "keyword")
        return self.tokens[i].upper if inside else ""

    def named(self, i: int) -> bool:
        return 0 <= i < len(self.tokens) and self.tokens[i].kind in ("name", "quoted")

    @property
    def declared(self) -> set[str]:
        """Variables that a pattern or an AS brings in."""
        patterns = {n.variable for n in self.nodes} | {r.variable for r in self.relationships}
        return patterns | set(self.renamed) | self.aliases


@lru_cache(maxsize=4096)
def read(query: str) -> Structure:
    """The structure of a query (shared between callers). Raises SyntaxRefused for what has no tokens or no balance."""
    structure = Structure(tokenize(query))
    while structure.text(len(structure.tokens) - 1) == ";":
        structure.tokens.pop()
    _match_brackets(structure, query)
    structure.roles = [""] * len(structure.tokens)
    for step in (_names, _label_predicates, _patterns, _projections, _words):
        step(structure)
    return structure


def _match_brackets(s: Structure, query: str) -> None:
    stack: list[int] = []
    for i, token in enumerate(s.tokens):
        if token.kind == "symbol" and token.text in _CLOSERS:
            if not stack or s.tokens[stack[-1]].text != _CLOSERS[token.text]:
                raise SyntaxRefused(f"{where(query, token.start)}: {token.text!r} closes nothing")
            s.partner[i] = stack[-1]
            s.partner[stack.pop()] = i
        s.opener.append(stack[-1] if stack else -1)
        if token.kind == "symbol" and token.text in _CLOSERS.values():
            stack.append(i)
    if stack:
        token = s.tokens[stack[-1]]
        raise SyntaxRefused(f"{where(query, token.start)}: {token.text!r} is not closed")


def is_subquery(s: Structure, brace: int) -> bool:
    """Whether the `{` at this place opens a subquery, not a map or a quantifier."""
    if s.text(brace - 1) == ")":
        return s.word(s.partner[brace - 1] - 1) == "CALL"
    return s.word(brace - 1) in _SUBQUERIES


def _names(s: Structure) -> None:
    """Properties, map keys and functions, by the dot, colon or bracket beside them."""
    i = 0
    while i < len(s.tokens):
        if not s.named(i) or s.roles[i]:
            i += 1
            continue
        end = i
        while s.text(end + 1) == "." and s.named(end + 2):
            end += 2
        chain = [s.tokens[k].value for k in range(i, end + 1, 2)]
        dotted = s.text(i - 1) == "."
        if s.text(end + 1) == "(" and not dotted and (end > i or s.tokens[i].upper not in _NOT_FUNCTIONS):
            procedure = s.word(i - 1) == "CALL"
            (s.procedures if procedure else s.calls).append((".".join(chain), i))
            _mark(s, range(i, end + 1, 2), "function")
        elif s.word(i - 1) == "CALL" and end > i:
            s.procedures.append((".".join(chain), i))
            _mark(s, range(i, end + 1, 2), "function")
        else:
            _mark(s, range(i if dotted else i + 2, end + 1, 2), "property")
            if dotted:
                base = s.opener[i]
                projected = s.text(i - 2) in ("{", ",") and base > 0 and s.named(base - 1)
                s.accesses.append((s.tokens[base - 1].value if projected else "", chain[0]))
            elif end > i:
                s.roles[i] = "variable"
                s.accesses.append((chain[0], chain[1]))
            elif s.text(i + 1) == ":" and s.text(i - 1) in ("{", ",") and s.text(s.opener[i]) == "{":
                s.roles[i] = "key"
        i = end + 1


def _mark(s: Structure, places: range, role: str) -> None:
    for i in places:
        s.roles[i] = role


def label_expression(s: Structure, i: int, role: str) -> tuple[tuple[str, ...], int]:
    """The names of the expression behind the colon at i, and the place after it."""
    names: list[str] = []
    i += 1
    expects = True
    while i < len(s.tokens):
        text = s.text(i)
        if (expects and text == "(") or (expects and text == "$" and s.text(i + 1) == "("):
            if text == "(":
                names += label_expression(s, i, role)[0]
            i = s.partner[i + (text == "$")] + 1
            expects = False
        elif expects and s.named(i):
            s.roles[i] = role
            names.append(s.tokens[i].value)
            i += 1
            expects = False
        elif (expects and text in ("!", ":")) or (not expects and text in ("|", "&", ":")):
            i += 1
            expects = True
        elif expects and text == "%":
            i += 1
            expects = False
        else:
            break
    return tuple(names), i


def _label_predicates(s: Structure) -> None:
    """`n:Label` and `(n:Label`, wherever they stand: both say what n may be."""
    for i, token in enumerate(s.tokens):
        if token.text != ":" or token.kind != "symbol" or s.text(i - 1) in ("|", "&", "!", ":"):
            continue
        if s.roles[i - 1] == "key" or s.roles[i - 1] in ("label", "type"):
            continue
        in_arrow = s.text(s.opener[i]) == "[" and _arrow_around(s, s.opener[i])
        names, _ = label_expression(s, i, "type" if in_arrow else "label")
        if not in_arrow:
            s.predicates.append((s.tokens[i - 1].value if s.named(i - 1) else "", names))


def _arrow_around(s: Structure, bracket: int) -> bool:
    """Whether the `[` at this place holds a relationship: `-[` before, `]-` behind."""
    return s.text(bracket - 1) == "-" and s.text(s.partner[bracket] + 1) == "-"


def _patterns(s: Structure) -> None:
    """Nodes, then the relationships between them."""
    nodes: dict[int, Node] = {}
    for i, token in enumerate(s.tokens):
        if token.text == "(" and token.kind == "symbol":
            node = _node(s, i)
            if node:
                nodes[i] = node
                s.nodes.append(node)
                if node.variable:
                    s.roles[i + 1] = "variable"
    for i, token in enumerate(s.tokens):
        if token.text == ")" and token.kind == "symbol":
            _relationship(s, i, nodes)


def _node(s: Structure, start: int) -> Node | None:
    end = s.partner[start]
    if s.roles[start - 1] == "function" if start else False:
        return None
    i = start + 1
    variable = ""
    if s.named(i) and not s.roles[i] and (s.text(i + 1) in (":", ")", "{") or s.word(i + 1) in ("WHERE", "IS")):
        variable = s.tokens[i].value
        i += 1
    labels: tuple[str, ...] = ()
    if s.text(i) == ":":
        labels, i = label_expression(s, i, "label")
    keys: tuple[str, ...] = ()
    if s.text(i) == "{":
        keys, i = _map_keys(s, i), s.partner[i] + 1
    elif s.tokens[i].kind == "parameter":
        i += 1
    if s.word(i) != "WHERE" and i != end:
        return None
    arrow = _arrow(s, end + 1) or (s.text(start - 1) in ("-", ">") and s.text(start - 2) in ("-", "]"))
    quantified = (s.text(start - 1) in ("+", "*", "}") and s.text(start - 2) in (">", "-", ",")) or s.text(
        start - 1
    ) == ")"
    opens = s.word(start - 1) in ("MATCH", "CREATE", "MERGE") or s.text(start - 1) in (",", "=", "{")
    if labels or keys or arrow or opens or quantified:
        return Node(start, end, variable, labels, keys)
    return None


def _map_keys(s: Structure, brace: int) -> tuple[str, ...]:
    inside = range(brace + 1, s.partner[brace])
    return tuple(s.tokens[i].value for i in inside if s.roles[i] == "key" and s.opener[i] == brace)


def _arrow(s: Structure, i: int) -> tuple[str, int, int] | None:
    """The direction of the arrow that begins at i, its bracket (-1: none) and the place after it."""
    left = s.text(i) == "<"
    i += left
    if s.text(i) != "-":
        return None
    bracket = -1
    if s.text(i + 1) == "[":
        bracket = i + 1
        i = s.partner[bracket]
    if s.text(i + 1) != "-":
        return None
    right = s.text(i + 2) == ">"
    return ("<-" if left and not right else "->" if right and not left else "-"), bracket, i + 2 + right


def _relationship(s: Structure, close: int, nodes: dict[int, Node]) -> None:
    arrow = _arrow(s, close + 1)
    if not arrow:
        return
    direction, bracket, after = arrow
    inside = range(close + 1, after)
    _mark(s, range(close + 1, bracket if bracket > 0 else after), "arrow")
    variable, types, keys, several = "", (), (), False  # type: str, tuple[str, ...], tuple[str, ...], bool
    if bracket > 0:
        _mark(s, range(s.partner[bracket] + 1, after), "arrow")
        i = bracket + 1
        if s.named(i) and s.roles[i] in ("", "variable"):
            variable = s.tokens[i].value
            s.roles[i] = "variable"
        own = [k for k in inside if s.opener[k] == bracket]
        types = tuple(s.tokens[k].value for k in own if s.roles[k] == "type")
        several = any(s.text(k) == "*" for k in own)
        keys = tuple(key for k in own if s.text(k) == "{" for key in _map_keys(s, k))
    if s.text(after) in ("+", "*", "{"):
        several = True
        after = s.partner[after] + 1 if s.text(after) == "{" else after + 1
    left, right = nodes.get(s.partner[close]), nodes.get(after)
    s.relationships.append(Relationship(left, right, direction, variable, types, keys, several))


def _projections(s: Structure) -> None:
    for i in range(1, len(s.tokens) - 1):
        if s.word(i) != "AS" or not s.named(i + 1):
            continue
        s.roles[i + 1] = "variable"
        name = s.tokens[i + 1].value
        plain = s.named(i - 1) and s.roles[i - 1] in ("", "variable")
        if plain and (s.word(i - 2) in ("WITH", "RETURN", "DISTINCT") or s.text(i - 2) == ","):
            s.renamed[name] = s.tokens[i - 1].value
        else:
            s.aliases.add(name)


def _words(s: Structure) -> None:
    """What is left: a keyword, unless the name is spelled as a variable of the query is."""
    variables = {t.value for t, role in zip(s.tokens, s.roles, strict=True) if role == "variable"}
    cases = 0
    for i, token in enumerate(s.tokens):
        if not s.named(i) or s.roles[i]:
            continue
        typed = s.text(i - 1) == "::"
        keyword = typed or token.upper in KEYWORDS or (s.text(i + 1) == "{" and token.upper in _SUBQUERIES)
        taken = token.text in variables and not (token.upper == "ORDER" and s.text(i + 1).upper() == "BY")
        if token.upper == "END" and cases and s.roles[i - 1] != "keyword":
            taken = False
        s.roles[i] = "keyword" if keyword and not taken else "variable"
        cases += (s.word(i) == "CASE") - (s.word(i) == "END")
