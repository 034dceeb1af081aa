"""What the parts of a Cypher query are called: clauses, keywords, patterns, and the roles of words."""

from __future__ import annotations

from dataclasses import dataclass, field

from t2q.languages.cypher_tokens import Token


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
SUBQUERIES = ("CALL", "EXISTS", "COUNT", "COLLECT")


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

    `partner` maps each bracket to the other one of the pair, `opener` says of each token which bracket it is inside of
    (-1: none). `predicates` are variables with the labels that `n:Label` gives them, `accesses` (variable, property)
    pairs, the variable "" where it is another expression. `renamed` maps an alias of a plain variable to that variable;
    `aliases` are the names given to anything else.
    """

    tokens: list[Token]
    partner: dict[int, int] = field(default_factory=dict)
    opener: list[int] = field(default_factory=list)
    roles: list[str] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    relationships: list[Relationship] = field(default_factory=list)
    predicates: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    accesses: list[tuple[str, str]] = field(default_factory=list)
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


def is_subquery(s: Structure, brace: int) -> bool:
    """Whether the `{` at this place opens a subquery, not a map or a quantifier."""
    if s.text(brace - 1) == ")":
        return s.word(s.partner[brace - 1] - 1) == "CALL"
    return s.word(brace - 1) in SUBQUERIES
