"""Puts drafts into words, in wordings that belong to one split only."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from t2q.data.lexicon import lexicon
from t2q.data.phrases import By, Choice, Phrase, RelatedTo, Slot, Target, Things
from t2q.data.sampling import Draft
from t2q.data.words import load_words
from t2q.schema import Value

ASIDE_SHARE = 0.06
SPLITS = ("train", "validation", "test")
_ASSERTS = "{which}"  # in a template: see Wording.assertion
_ASSERTED = (  # how what follows a noun begins, and how it is said of the noun
    ("that ", ""),
    ("who ", ""),
    ("which ", ""),
    ("with ", "have "),
    ("having ", "have "),
    ("without ", "have no "),
    *((opening, f"are {opening}") for opening in ("from ", "in ", "based ", "located ", "linked ", "related ", "of ")),
)
_ALTERNATIVES = re.compile(r"\[([^\[\]]*)\]")


@dataclass(frozen=True)
class Worded:
    """A question and the wording (a template of wording.yaml or unanswerable.yaml) that it was made from."""

    question: str
    wording: str


class Wording:
    """Words one draft at a time, in wordings of `split` ("train", "validation" or "test")."""

    def __init__(self, split: str, rng: random.Random) -> None:
        self.split, self.rng = split, rng
        self.words = load_words("wording.yaml")
        self.superlatives = load_words("superlatives.yaml")["scales"]

    def question(self, draft: Draft) -> Worded:
        """The draft as a question."""
        templates = self.words["intents"][draft.wording][self.split]
        template, said = self.rng.choice(templates), None
        if _ASSERTS in template:
            things = draft.slots.get("things")
            said = self.assertion(things) if isinstance(things, Things) else None
            if said is None:
                template = self.rng.choice([t for t in templates if _ASSERTS not in t])
        slots = {name: self.slot(value) for name, value in draft.slots.items()}
        return Worded(self.finish(self.one_of(template).format(**slots, which=said)), template)

    def assertion(self, things: Things) -> str | None:
        """The things with their first condition said of them, "orders have a price above 5"; None where none can be."""
        if not things.phrases:
            return None
        first, *rest = (self.phrase(phrase) for phrase in things.phrases)
        for opening, verb in _ASSERTED:
            if first.startswith(opening):
                return f" {things.connective} ".join([f"{things.noun} {verb}{first.removeprefix(opening)}", *rest])
        return None

    def one_of(self, template: str) -> str:
        """The template with one alternative of each [a|b|c], or of the list of wording.yaml that [name] names."""
        return _ALTERNATIVES.sub(lambda found: self.rng.choice(self.alternatives(found[1])), template)

    def alternatives(self, text: str) -> list[str]:
        return text.split("|") if "|" in text else self.words[text]  # type: ignore[no-any-return]

    def finish(self, text: str) -> str:
        """With an opening, a closing, a capital and an end as people write them."""
        rng = self.rng
        if self.split == "train" and rng.random() < ASIDE_SHARE:
            return self.aside() + text
        asks = text.lower().startswith(("what", "which", "how", "who", "is ", "do ", "can ", "could"))
        if rng.random() < 0.3:
            text = rng.choice(self.words["question_openings" if asks else "openings"][self.split]) + text
        if (closings := self.words["closings"][self.split]) and rng.random() < 0.12:
            text += rng.choice(closings)
        if rng.random() < 0.75:
            text = text[:1].upper() + text[1:]
        if rng.random() < 0.7 and text[-1].isalnum():
            text += "?" if asks else rng.choice((".", ""))
        return text

    def aside(self) -> str:
        """Words that have nothing to do with the question: what stands before it is not always to the point."""
        rng = self.rng
        lists = [lexicon()[kind] for kind in ("adjectives", "nouns", "things", "people")]
        text = " ".join(rng.choice(rng.choice(lists)).replace("_", " ") for _ in range(rng.choice((1, 2, 2, 3))))
        return (text.capitalize() if rng.random() < 0.6 else text) + rng.choice((", ", ", ", ": ", ". ", "! "))

    def slot(self, slot: Slot) -> str:
        if isinstance(slot, Things):
            return self.things(slot)
        if isinstance(slot, Target):
            return self.target(slot)
        if isinstance(slot, Choice):
            return str(self.rng.choice(self.choices(slot)))
        return self.value(slot, quote=False) if not isinstance(slot, str) else slot

    def choices(self, slot: Choice) -> list[str]:
        if slot.group == "superlatives":
            scale, end = slot.key.split()
            return self.superlatives[scale][end]  # type: ignore[no-any-return]
        group = self.words[slot.group]
        return group[slot.key] if slot.key else group  # type: ignore[no-any-return]

    def value(self, value: Value, quote: bool = True) -> str:
        if isinstance(value, float) and value == int(value):
            return str(int(value))
        if isinstance(value, str) and quote and self.rng.random() < 0.2:
            mark = "'" if "'" not in value and self.rng.random() < 0.6 else '"'
            return f"{mark}{value}{mark}"
        return str(value)

    def target(self, target: Target) -> str:
        template = self.rng.choice(self.words["target"])
        return str(template.format(value=self.value(target.value), thing=target.thing, title=target.title))

    def things(self, things: Things) -> str:
        noun = things.noun
        rest = []
        for phrase in things.phrases:
            if isinstance(phrase, Phrase) and phrase.kind == "equal_plain" and things.connective == "and":
                noun = f"{phrase.values[0]} {noun}"
            else:
                rest.append(self.phrase(phrase))
        return " ".join([noun, f" {things.connective} ".join(rest)]).strip()

    def phrase(self, phrase: Phrase | RelatedTo) -> str:
        conditions = self.words["conditions"]
        if isinstance(phrase, RelatedTo):
            return self.related(self.things(phrase.things), phrase.by)
        if phrase.target:
            return self.related(self.target(phrase.target), phrase.by)
        if phrase.by:
            template = self.rng.choice(self.words["no_relations"][phrase.by.kind])
            return str(template.format(verb=phrase.by.verb, others=phrase.others))
        kind = "equal" if phrase.kind == "equal_plain" else phrase.kind
        values = [self.value(v) for v in phrase.values]
        return str(
            self.rng.choice(conditions[kind]).format(
                f=phrase.field,
                v=values[0] if values else "",
                w=values[1] if len(values) > 1 else "",
                others=phrase.others,
            )
        )

    def related(self, other: str, by: By | None) -> str:
        """Related to the other, and by what where that is said."""
        templates = self.words["relations"][by.kind] if by else self.words["conditions"]["related"]
        return str(self.rng.choice(templates).format(other=other, verb=by.verb if by else ""))
