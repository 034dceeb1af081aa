"""From identifiers to words: `unit_price`, `unitPrice`, `UNIT_PRICE` and `UnitPrice` all read "unit price"."""

from __future__ import annotations

import re

_IRREGULAR = {
    "person": "people",
    "child": "children",
    "man": "men",
    "woman": "women",
    "mouse": "mice",
    "foot": "feet",
    "tooth": "teeth",
    "leaf": "leaves",
    "shelf": "shelves",
    "knife": "knives",
    "life": "lives",
    "half": "halves",
    "criterion": "criteria",
    "analysis": "analyses",
    "crisis": "crises",
    "thesis": "theses",
    "diagnosis": "diagnoses",
    "aircraft": "aircraft",
    "series": "series",
    "species": "species",
    "staff": "staff",
    "equipment": "equipment",
    "sheep": "sheep",
    "fish": "fish",
    "bus": "buses",
    "status": "statuses",
    "address": "addresses",
    "class": "classes",
    "lens": "lenses",
    "process": "processes",
    "movie": "movies",
    "cookie": "cookies",
    "quiz": "quizzes",
    "hero": "heroes",
    "potato": "potatoes",
    "data": "data",
    "media": "media",
}
# What columns are called for short, where it can mean nothing else.
SHORT = {
    "acct": "account", "addr": "address", "amt": "amount", "avg": "average", "bal": "balance", "cust": "customer",
    "dept": "department", "desc": "description", "descr": "description", "dob": "date of birth", "emp": "employee",
    "fname": "first name", "img": "image", "lang": "language", "lname": "last name", "lng": "longitude",
    "loc": "location", "max": "maximum", "mgr": "manager", "min": "minimum", "msg": "message", "nbr": "number",
    "num": "number", "org": "organization", "pct": "percentage", "prod": "product", "qty": "quantity",
    "ref": "reference", "tel": "telephone", "txn": "transaction", "univ": "university", "ver": "version",
    "vol": "volume", "yr": "year",
}  # fmt: skip
_SINGULAR = {plural: singular for singular, plural in _IRREGULAR.items()}
_PREFIXES = re.compile(r"^(tbl|tb|dim|fact|vw|t|ref|lkp)_", re.IGNORECASE)


def words(identifier: str) -> str:
    """The words of an identifier, lower case, separated by single spaces.

    The "is" of a flag is left out, and what is short for another word is written out: `cust_addr`, "customer address".
    """
    found = parts(identifier)
    if len(found) > 1 and found[0] in {"is", "has"}:
        found = found[1:]
    return " ".join(SHORT.get(word, word) for word in found) or identifier


def parts(identifier: str) -> list[str]:
    """All words of an identifier, lower case."""
    text = _PREFIXES.sub("", identifier)
    text = re.sub(r"[_\-.\s]+", " ", text)
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", text)
    return text.lower().split()


def _last(phrase: str, change: dict[str, str], rule: list[tuple[str, str]]) -> str:
    head, _, last = phrase.rpartition(" ")
    if last in change:
        last = change[last]
    else:
        for pattern, replacement in rule:
            if re.search(pattern, last):
                last = re.sub(pattern, replacement, last)
                break
    return f"{head} {last}".strip()


def plural(phrase: str) -> str:
    """The plural of a noun phrase; one that is plural already stays."""
    last = phrase.rpartition(" ")[2]
    if last in _SINGULAR or (last not in _IRREGULAR and singular(phrase) != phrase):
        return phrase
    return _last(phrase, _IRREGULAR, [(r"([^aeiou])y$", r"\1ies"), (r"(s|x|z|ch|sh)$", r"\1es"), (r"$", "s")])


def singular(phrase: str) -> str:
    """The singular of a noun phrase; one that is singular already stays."""
    last = phrase.rpartition(" ")[2]
    if last in _IRREGULAR:
        return phrase
    return _last(
        phrase,
        _SINGULAR,
        [(r"([^aeiou])ies$", r"\1y"), (r"(ss|us|is)$", r"\1"), (r"(ss|x|z|ch|sh)es$", r"\1"), (r"s$", "")],
    )
