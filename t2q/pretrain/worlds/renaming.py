"""Calls the things of a database by other words, in its names and in the questions about it alike.

Databases that people asked about are few, and a model that meets one often knows its names by heart; then it writes
those, whatever database it is shown. Only what a question says can be renamed in it, so that the rest tells nothing.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from t2q.data.names import parts, plural, singular
from t2q.pretrain.worlds.inventor import Inventor
from t2q.schema import FieldType

Asked = tuple[str, str]  # a question and its query
_SHARE = 0.5  # of the names that the questions say
_SAYING = 0.7  # of the questions about a name, at least, must say it for it to be renamed
# in a question, these need not be the name
_ALSO_WORDS = frozenset(
    {"name", "number", "id", "date", "time", "year", "month", "day", "order", "count", "total", "average", "state"}
    | {"rank", "list", "first", "last", "long", "show", "place", "size", "level", "type", "kind", "top", "high", "low"}
    | {"most", "main", "current", "part", "group", "value", "amount", "score", "record", "entry", "item"}
)
_KINDS: Mapping[FieldType, str] = {"text": "text", "integer": "number", "float": "number", "date": "date"}
_KEPT = r"'[^']*'|\"[^\"]*\"|\{[^}]*\}"  # quoted values, and slots for them


@dataclass(frozen=True)
class Renaming:
    """`said`: new words by the old ones, each as one and as many."""

    said: Mapping[str, str] = field(default_factory=dict)

    def words(self, text: str) -> str:
        """A question, or the words of a name, in the new words."""
        if not self.said:
            return text
        longest = sorted(self.said, key=len, reverse=True)
        old = re.compile(rf"{_KEPT}|\b({'|'.join(map(re.escape, longest))})\b", re.IGNORECASE)

        def say(found: re.Match[str]) -> str:
            if found[1] is None:
                return found[0]
            new = self.said[found[1].lower()]
            return new.capitalize() if found[1][0].isupper() else new

        return old.sub(say, text)


def renaming(
    names: Mapping[str, FieldType | None], asked: Sequence[Asked], rng: random.Random, inventor: Inventor
) -> tuple[Renaming, list[bool]]:
    """New words for a share of the names, and which of the questions can be asked in them.

    `names`: as the queries write them, with the type of what they hold; None for entities.
    """
    said: dict[str, str] = {}
    sound = [True] * len(asked)
    taken = {singular(" ".join(parts(name))) for name in names}
    for name in rng.sample(sorted(names), len(names)):
        one = singular(" ".join(parts(name)))
        forms, kind = {one, plural(one)}, names[name]
        if one in _ALSO_WORDS or forms & said.keys() or (kind and kind not in _KINDS) or rng.random() > _SHARE:
            continue
        about = [i for i, (_, query) in enumerate(asked) if re.search(rf"\b{re.escape(name)}\b", query)]
        saying = {i for i in about if _says(asked[i], forms)}
        if not saying or len(saying) < _SAYING * len(about):
            continue
        new = singular(inventor.attribute_words(_KINDS[kind]) if kind else inventor.noun())
        if new in taken:
            continue
        taken.add(new)
        said |= {one: new, plural(one): plural(new)}
        for i in about:
            sound[i] &= i in saying
    return Renaming(said), sound


def _says(asked: Asked, forms: Iterable[str]) -> bool:
    """Whether the question says one of the forms, and no value holds one."""
    form = re.compile(rf"\b({'|'.join(map(re.escape, forms))})\b", re.IGNORECASE)
    values = " ".join(re.findall(_KEPT, " ".join(asked)))
    return form.search(re.sub(_KEPT, "", asked[0])) is not None and form.search(re.sub(r"\{.*?\}", "", values)) is None
