"""Questions that a schema cannot answer, with the reason that the model is to give."""

from __future__ import annotations

from t2q.data.lexicon import lexicon
from t2q.data.model import Model
from t2q.data.names import plural, singular, words
from t2q.data.pairs import Pair
from t2q.data.sampling import Sampler
from t2q.data.wording import Wording
from t2q.data.words import load_words


class Unanswerable:
    """Draws them for a sampler's schema, in wordings of `split`."""

    def __init__(self, sampler: Sampler, split: str) -> None:
        self.sampler, self.split, self.rng = sampler, split, sampler.rng
        self.kinds = load_words("unanswerable.yaml")
        self.wording = Wording(split, sampler.rng)
        self.present = known_words(sampler.model)

    def pair(self) -> Pair:
        rng, askables = self.rng, list(self.sampler.model.entities.values())
        kind = rng.choice(list(self.kinds))
        template = rng.choice(self.kinds[kind][self.split])
        asked = rng.choice(askables).entity
        things = plural(words(asked.name))
        rng.shuffle(askables)
        target = next((found for a in askables if (found := self.sampler.target(a))), None)
        field, entity = self.absent("text_attributes", "number_attributes"), self.absent("people", "things")
        slots = {
            "things": things,
            "thing": singular(things),
            "value": target.value if target else "it",
            "absent": field if kind == "missing_field" else entity,
            "absents": plural(entity),
        }
        if "{field}" in template:
            slots["field"] = words(rng.choice(asked.fields).name) if asked.fields else "name"
        text = self.wording.one_of(template).format(**slots)
        question = text if kind == "small_talk" else self.wording.finish(text)
        return Pair(question, "", kind, template, self.kinds[kind]["reason"].format(**slots))

    def absent(self, *kinds: str) -> str:
        """A word of the lexicon that shares no word, and no near synonym, with the schema."""
        while True:
            word = self.rng.choice(lexicon()[self.rng.choice(kinds)]).replace("_", " ")
            if not {singular(w) for w in word.split()} & self.present:
                return word


def known_words(model: Model) -> set[str]:
    """The words of a schema's names, in the singular, with what else they are called."""
    names = [askable.entity.name for askable in model.entities.values()]
    names += [f.name for askable in model.entities.values() for f in askable.entity.fields]
    names += [relation.words for relation in model.relations.values()]
    known = {singular(w) for name in names for w in words(name).split()}
    groups = (set(alike.split(",")) for alike in lexicon()["alike"])
    return known.union(*(group for group in groups if group & known))
