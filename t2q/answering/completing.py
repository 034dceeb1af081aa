"""What a model answers, guided by the schema, and asked once more where it refuses for a reason that this refutes.

A small model says "there are no orders" of a database that has them. That can be told without the database: then the
query is begun for the model, and it has to go on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from t2q.answering.searching import Evidence, Search, Trials, no_evidence
from t2q.data.names import singular, words
from t2q.databases import Database
from t2q.guiding import Guide
from t2q.languages import language_for
from t2q.models.base import Completion, Model
from t2q.models.writers import Wish, Writer
from t2q.prompt import refusal_reason
from t2q.schema import Schema

_NOT_THERE = re.compile(r"there (?:is|are) no (.+?)\.?")


def complete(
    model: Model,
    prompts: Sequence[str],
    schema: Schema,
    max_new_tokens: int,
    on_done: Callable[[int], None] | None = None,
    guided: bool = True,
    database: Database | None = None,
) -> list[Completion]:
    """One answer a prompt; `refuted` of one is the refusal that it was asked again for.

    `database`: where queries are tried, since what they return tells good ones from others. `guided` false: what the
    model says by itself, greedily, whether or not the database could run it.
    """
    if not guided:
        return _asked_again(model, prompts, model.generate(prompts, max_new_tokens, on_done), schema, max_new_tokens)
    guide = Guide(schema)
    evidence = Trials(database, schema) if database else no_evidence
    searches = [Search(evidence) for _ in prompts]
    model.generate(
        prompts, max_new_tokens, on_done, guide=guide.begin, then=lambda number, found: searches[number].then(found)
    )
    return _asked_again(model, prompts, [search.best for search in searches], schema, max_new_tokens, guide)


def complete_one(
    writer: Writer, wish: Wish, schema: Schema, guide: Guide, evidence: Evidence = no_evidence
) -> Completion:
    """As `complete`, guided, for one prompt and by a writer; of the wish, `guide` and `then` are set here."""
    search = Search(evidence)
    writer.write(replace(wish, guide=guide.begin, then=search.then))
    if not refuted(search.best.text, schema):
        return search.best
    opening = language_for(schema.dialect).opening
    begun = replace(wish, prompt=wish.prompt + opening, guide=partial(guide.begin, opening), on_draft=None)
    second = writer.write(begun)
    return replace(second, text=opening + second.text, refuted=search.best.text)


def _asked_again(
    model: Model,
    prompts: Sequence[str],
    completions: list[Completion],
    schema: Schema,
    limit: int,
    guide: Guide | None = None,
) -> list[Completion]:
    """With other answers for the refusals that the schema refutes: the query is begun for the model."""
    again = [i for i, completion in enumerate(completions) if refuted(completion.text, schema)]
    if again:
        opening = language_for(schema.dialect).opening
        begun = [prompts[i] + opening for i in again]
        seconds = model.generate(begun, limit, guide=partial(guide.begin, opening) if guide else None)
        for i, second in zip(again, seconds, strict=True):
            completions[i] = replace(second, text=opening + second.text, refuted=completions[i].text)
    return completions


def complete_what_fits(
    model: Model,
    prompts: Sequence[str],
    schema: Schema,
    max_new_tokens: int,
    on_done: Callable[[int], None] | None = None,
    guided: bool = True,
    database: Database | None = None,
) -> list[Completion]:
    """As `complete`; a prompt that leaves no room for an answer gets one that is empty and not finished."""
    completions = [Completion("", 0, 0.0, finished=False)] * len(prompts)
    fitting = [i for i, prompt in enumerate(prompts) if len(model.encode(prompt)) < model.max_length]
    found = complete(model, [prompts[i] for i in fitting], schema, max_new_tokens, on_done, guided, database)
    for i, completion in zip(fitting, found, strict=True):
        completions[i] = completion
    if on_done:
        on_done(len(prompts) - len(fitting))
    return completions


def refuted(text: str, schema: Schema) -> bool:
    """Whether the text refuses because something is not there that the schema has under that very name."""
    match = _NOT_THERE.fullmatch(refusal_reason(text) or "")
    if match is None:
        return False
    names = [name for entity in schema.entities for name in (entity.name, *(field.name for field in entity.fields))]
    return _folded(match[1]) in {_folded(words(name)) for name in names}


def _folded(phrase: str) -> str:
    """In lower case, the last word in the singular."""
    *first, last = phrase.lower().split() or [""]
    return " ".join([*first, singular(last)])
