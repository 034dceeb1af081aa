"""By what two things are related, in words; and that it is said wherever "related to" would not tell which is meant."""

from __future__ import annotations

import random

import pytest

from t2q.data.intents_related import related
from t2q.data.model import Model, Relation, ask_model
from t2q.data.phrases import Phrase, Things
from t2q.data.relating import by
from t2q.data.sampling import Sampler
from t2q.data.wording import Wording
from t2q.schema import Entity, Field, Link, Schema

NAME = Field("name", "text", ("Ada", "Bo"), 2)


def edge(name: str) -> Relation:
    return Relation("x", "edge", "A", "B", (Link("A", "B", name),))


def key(column: str) -> Relation:
    return Relation("x", "key", "a", "b", (Link("a", "b", "", (column,), ("id",)),))


@pytest.mark.parametrize(
    ("relation", "forward", "kind", "verb"),
    [
        (edge("REPORTS_TO"), True, "verb", "report to"),
        (edge("REPORTS_TO"), False, "verb_back", "reports to"),
        (edge("ACTED_IN"), True, "verb", "acted in"),
        (edge("PLACED"), False, "past_back", "placed"),
        (edge("TEACHES"), True, "verb", "teach"),
        (edge("IN_CATEGORY"), True, "state", "in category"),
        (edge("SOLD_BY"), False, "state_back", "sold by"),
        (edge("HAS_TAG"), True, "has", "tag"),
        (edge("HAS_MANAGER"), False, "key_back", "manager"),  # "that are the manager of Eve"
        (edge("HAS"), True, "verb", "have"),
        (edge("SUPPLIES"), True, "verb", "supply"),
        (edge("GOES_TO"), True, "verb", "go to"),
        (edge("LOCATED_IN"), True, "state", "located in"),
        (edge("IS_CHILD_OF"), True, "state", "child of"),
        (key("home_team_id"), True, "key", "home team"),
        (key("managerId"), False, "key_back", "manager"),
        (key("ReportsTo"), True, "verb", "report to"),
        (key("ReportsTo"), False, "verb_back", "reports to"),
    ],
)
def test_words_for_a_relation(relation: Relation, forward: bool, kind: str, verb: str) -> None:
    found = by(relation, forward)
    assert (found.kind, found.verb) == (kind, verb)


def people_and_movies(*types: str) -> Model:
    entities = (Entity("Person", (NAME,), 9), Entity("Movie", (Field("title", "text", ("Up", "It"), 2),), 9))
    return ask_model(Schema("cypher", "cypher", entities, tuple(Link("Person", "Movie", name) for name in types)))


def relations_said(model: Model) -> set[str | None]:
    """What the drafts of a few hundred questions say of the relation, None where they leave it open."""
    sampler = Sampler(model, lambda _, field: ("Ada",) if field == "name" else ("Up",), random.Random(2))
    said = set()
    for _ in range(300):
        draft = related(sampler)
        assert draft is not None
        things = draft.slots["things"]
        assert isinstance(things, Things)
        if not things.phrases:  # "Ada's movies"
            assert draft.wording.endswith(("_of", "_of_named"))
            said.add(None)
            continue
        phrase = things.phrases[0]
        assert isinstance(phrase, Phrase)
        said.add(phrase.by.verb if phrase.by else None)
    return said


def test_one_of_several_relations_is_always_named() -> None:
    assert relations_said(people_and_movies("ACTED_IN", "DIRECTED")) == {"acted in", "directed"}


def test_the_only_relation_may_be_left_open() -> None:
    assert relations_said(people_and_movies("ACTED_IN")) == {"acted in", None}


def test_the_direction_within_one_kind_of_thing_is_always_named() -> None:
    people = (Entity("Person", (NAME,), 9),)
    model = ask_model(Schema("cypher", "cypher", people, (Link("Person", "Person", "REPORTS_TO"),)))
    assert relations_said(model) == {"report to", "reports to"}
    sampler, wording = Sampler(model, lambda *_: ("Ada",), random.Random(2)), Wording("test", random.Random(2))
    questions = {wording.question(draft).question.lower() for _ in range(200) if (draft := related(sampler))}
    assert any("people that report to " in q for q in questions)
    assert any(q.rstrip("?.").endswith("ada reports to") for q in questions)


def test_a_table_that_joins_a_table_with_itself_is_no_relation() -> None:
    """ "Teams linked through matches to Ajax" would not say at home or away; each key says it."""
    teams = Entity("teams", (Field("id", "integer", key=True), NAME), 9)
    matches = Entity("matches", (Field("home_team_id", "integer"), Field("away_team_id", "integer")), 9)
    links = tuple(Link("matches", "teams", "", (f"{side}_team_id",), ("id",)) for side in ("home", "away"))
    model = ask_model(Schema("sql", "sqlite", (teams, matches), links))
    assert sorted((r.kind, r.words) for r in model.relations.values()) == [("key", "away team"), ("key", "home team")]


def test_a_key_that_is_only_an_id_says_nothing() -> None:
    assert key("id").words == ""
