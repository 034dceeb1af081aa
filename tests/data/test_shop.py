"""The sample shop: what is shipped is what the generator makes, and its two forms are twins."""

from __future__ import annotations

import json
import random
import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from t2q.answering.answer import answer
from t2q.data.intents import INTENTS
from t2q.data.model import ask_model
from t2q.data.pairs import render
from t2q.data.render_cypher import render_cypher
from t2q.data.sampling import Sampler
from t2q.data.shop import shop_graph, shop_rows, write_sqlite
from t2q.data.triage import Triage
from t2q.databases import open_database
from t2q.evaluation.comparison import same_result
from tests.data.twins import NoTwin, carry

DATA = Path(__file__).parents[2] / "data"
QUESTIONS_PER_INTENT = 12


def _dump(path: Path) -> list[str]:
    with sqlite3.connect(path) as connection:
        return list(connection.iterdump())


def test_shipped_files_are_what_the_generator_makes(tmp_path: Path) -> None:
    tables = shop_rows()
    write_sqlite(tmp_path / "shop.sqlite", tables)
    assert _dump(DATA / "shop.sqlite") == _dump(tmp_path / "shop.sqlite")
    assert json.loads((DATA / "shop.json").read_text(encoding="utf-8")) == shop_graph(tables)


def test_holds_what_real_databases_hold() -> None:
    tables = shop_rows()
    text = json.dumps(tables, ensure_ascii=False)
    assert "'" in text and "ü" in text
    assert any(row["email"] is None for row in tables["customers"])
    assert any(row["shipped_on"] is None for row in tables["orders"])
    bought = {row["customer_id"] for row in tables["orders"]}
    assert any(row["id"] not in bought for row in tables["customers"])  # so that "without orders" has an answer


@pytest.fixture(scope="module")
def twins():
    with open_database(f"sqlite:///{DATA}/shop.sqlite") as tables, open_database(f"graph:{DATA}/shop.json") as graph:
        yield tables, graph, ask_model(tables.schema()), ask_model(graph.schema())


@pytest.mark.parametrize("intent", [function for function, _ in INTENTS], ids=lambda f: f.__name__)
def test_the_same_question_has_the_same_answer(twins, intent) -> None:
    tables, graph, table_model, graph_model = twins
    rng = random.Random(intent.__name__)
    sampler = Sampler(table_model, lambda entity, name: tables.values(entity, name), rng)
    triage = Triage()
    seen: Counter[str] = Counter()
    for _ in range(400):
        draft = intent(sampler)
        if draft is None:
            continue
        sql = render(draft, table_model, tables.language)
        try:
            twin = carry(draft.query, table_model, graph_model)
        except NoTwin:
            continue
        if seen[sql] or triage.judge(draft, sql, table_model, tables) != "pass":
            continue
        cypher = render_cypher(twin, graph_model, graph.language)
        verdict = same_result(graph.execute(cypher), tables.execute(sql), ordered=draft.query.order is not None)
        assert verdict.ok, f"{sql}\n{cypher}\n{verdict.reason}"
        seen[sql] += 1
        if len(seen) == QUESTIONS_PER_INTENT:
            break
    assert len(seen) >= 3, triage.errors


def test_an_arrow_that_is_not_there_is_put_right(twins) -> None:
    _, graph, _, _ = twins
    texts = (
        "MATCH (n:Customer)-[:WROTE]->(m:Order) RETURN count(n)",
        "MATCH (n:Customer)-[:PLACED]->(m:Order) RETURN count(n)",
    )
    wrong, right = (answer(text, graph.schema(), graph) for text in texts)
    assert (wrong.query, wrong.written) == (texts[1], texts[0])
    assert wrong.rows == right.rows and not right.written
