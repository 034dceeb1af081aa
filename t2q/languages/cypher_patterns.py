"""Nodes, relationships and label expressions in a Cypher query."""

from __future__ import annotations

from t2q.languages.cypher_structure import Node, Relationship, Structure


def mark(s: Structure, places: range, role: str) -> None:
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


def label_predicates(s: Structure) -> None:
    """`n:Label` and `(n:Label`, wherever they stand: both say what n may be."""
    for i, token in enumerate(s.tokens):
        if token.text != ":" or s.text(i - 1) in ("|", "&", "!", ":") or s.roles[i - 1] in ("key", "label", "type"):
            continue
        in_arrow = s.text(s.opener[i]) == "[" and _arrow_around(s, s.opener[i])
        names, _ = label_expression(s, i, "type" if in_arrow else "label")
        if not in_arrow:
            s.predicates.append((s.tokens[i - 1].value if s.named(i - 1) else "", names))


def _arrow_around(s: Structure, bracket: int) -> bool:
    """Whether the `[` at this place holds a relationship: `-[` before, `]-` behind."""
    return s.text(bracket - 1) == "-" and s.text(s.partner[bracket] + 1) == "-"


def patterns(s: Structure) -> None:
    """Nodes, then the relationships between them."""
    nodes: dict[int, Node] = {}
    for i, token in enumerate(s.tokens):
        if token.text == "(":
            node = _node(s, i)
            if node:
                nodes[i] = node
                s.nodes.append(node)
                if node.variable:
                    s.roles[i + 1] = "variable"
    for i, token in enumerate(s.tokens):
        if token.text == ")":
            _relationship(s, i, nodes)


def _node(s: Structure, start: int) -> Node | None:
    """The node pattern between the bracket at `start` and its partner; None where it is another kind of bracket."""
    end = s.partner[start]
    if start and s.roles[start - 1] == "function":
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
    after_quantifier = s.text(start - 1) in ("+", "*", "}", ")")
    opens = s.word(start - 1) in ("MATCH", "CREATE", "MERGE") or s.text(start - 1) in (",", "=", "{")
    found = labels or keys or arrow or after_quantifier or opens
    return Node(start, end, variable, labels, keys) if found else None


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
    mark(s, range(close + 1, bracket if bracket > 0 else after), "arrow")
    variable = ""
    types: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    several = False
    if bracket > 0:
        mark(s, range(s.partner[bracket] + 1, after), "arrow")
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
