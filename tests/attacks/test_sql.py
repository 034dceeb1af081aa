"""The corpus of sql.yaml, on real databases: nothing hostile does harm, nothing innocent is refused.

Hostile queries run under an account that may do anything; where the database's own means are tried alone, it is the
account of an application.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from t2q.answering.answer import answer
from t2q.databases import open_database
from t2q.databases.sql_limits import GRACE_SECONDS
from t2q.errors import NotReadOnly, QueryError, QueryTimeout, SyntaxRefused
from t2q.languages import language_for
from tests.attacks.attack import Outcome, attack
from tests.attacks.targets import DIALECTS, Target, target
from tests.servers import free_port

pytestmark = pytest.mark.timeout(900)

_CORPUS = yaml.safe_load((Path(__file__).parent / "sql.yaml").read_text(encoding="utf-8"))
SECONDS = 1.0  # a query's time limit
LATEST = SECONDS + GRACE_SECONDS + 10  # a machine with other work
MEMORY = 3500  # MB


@pytest.fixture(
    scope="module", params=[pytest.param(d, marks=() if d == "sqlite" else pytest.mark.slow) for d in DIALECTS]
)
def attacked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with target(request.param, tmp_path_factory.mktemp(request.param)) as found:
        yield found


def of_dialect(group: dict[str, Any], *dialects: str) -> Iterator[Any]:
    """The entries of a group for all dialects, and for those named."""
    for name in ("all", *dialects):
        yield from group.get(name, ())


def written_out(query: str, at: Target | None = None) -> str:
    query = re.sub(r"<<(.+?) \* (\d+)>>", lambda found: found[1] * int(found[2]), query, flags=re.DOTALL)
    names = {"{file}": at.file, "{folder}": at.folder, "{port}": free_port()} if at else {}
    for name, value in names.items():
        query = query.replace(name, str(value))
    return query


def hostile(dialect: str, kinds: Iterable[str] = tuple(_CORPUS["hostile"])) -> list[str]:
    groups = [_CORPUS["hostile"][kind] for kind in kinds]
    return [group[name][tries] for group in groups for name in ("all", dialect) for tries in group.get(name, ())]


def given(at: Target, url: str, queries: Iterable[str], past_proof: bool = False) -> list[Outcome]:
    """What became of the queries, none of which did harm."""
    before = at.digest()
    texts = [written_out(query, at) for query in queries]
    found = attack(url, texts, SECONDS, at.folder, past_proof, at.secrets)
    for outcome in found:
        shown = f"{outcome.query[:300]!r}: {outcome.error} {outcome.message}"
        assert outcome.expected and "\n" not in outcome.message and not outcome.told, shown
        assert outcome.seconds < LATEST, f"{outcome.seconds:.1f} s: {shown}"
        assert outcome.peak < MEMORY, f"{outcome.peak} MB: {shown}"
    assert at.digest() == before
    assert list(at.folder.iterdir()) == []
    slowest = max(found, key=lambda outcome: outcome.seconds)
    print(f"{at.dialect}: {len(found)} queries, at most {found[-1].peak} MB and {slowest.seconds:.1f} s")
    return found


def test_nothing_hostile_does_harm(attacked: Target) -> None:
    found = given(attacked, attacked.admin, hostile(attacked.dialect))
    assert [outcome.query[:300] for outcome in found if not outcome.error] == []


def test_the_database_itself_lets_nothing_be_written(attacked: Target) -> None:
    """Past the proof. What it answers, such as the making of a large object, is taken back with its transaction."""
    kinds = ["writes", "files"] if attacked.dialect in ("sqlite", "duckdb") else ["writes"]
    found = given(attacked, attacked.app, hostile(attacked.dialect, kinds), past_proof=True)
    print(f"answered: {[outcome.query for outcome in found if not outcome.error]}")
    assert sum(1 for outcome in found if outcome.error) > 0.8 * len(found)


def test_what_is_heavy_ends_soon(attacked: Target) -> None:
    found = given(attacked, attacked.app, of_dialect(_CORPUS["heavy"], attacked.dialect))
    assert any(outcome.truncated for outcome in found)


def test_nothing_innocent_is_refused(attacked: Target) -> None:
    expected = dict(pair for name in ("all", attacked.dialect) for pair in _CORPUS["innocent"].get(name, {}).items())
    found = given(attacked, attacked.app, expected)
    wrong = [
        (outcome.query, outcome.rows, outcome.message)
        for outcome, rows in zip(found, expected.values(), strict=True)
        if not (outcome.rows == rows and not outcome.truncated)
    ]
    assert wrong == []
    print(f"{attacked.dialect}: {len(found)} innocent queries answered")


@pytest.mark.parametrize(
    "query", [*hostile("mysql", ["writes", "several"]), *_CORPUS["hostile"]["disguise"]["mysql"].values()]
)
def test_the_proof_refuses_for_mysql(query: str) -> None:
    with pytest.raises(QueryError):
        language_for("mysql").prove_read_only(written_out(query))


def test_what_a_model_writes_is_a_query_or_nothing(tmp_path: Path) -> None:
    with target("sqlite", tmp_path) as at, open_database(at.app) as database:
        schema, before = database.schema(), at.digest()
        for text, kind in _CORPUS["texts"].items():
            start = time.monotonic()
            found = answer(written_out(text, at), schema, database, timeout=SECONDS)
            assert (found.kind, found.abstained) == (kind, bool(kind)), (text, found)
            assert kind or found.rows, text
            assert time.monotonic() - start < LATEST, text
        assert at.digest() == before
        assert list(at.folder.iterdir()) == []


def test_threads_ask_at_once(attacked: Target) -> None:
    """Each gets the answer to its own question, also where others are broken off or refused."""
    if attacked.dialect not in ("sqlite", "postgresql"):
        pytest.skip("one engine in the process and one server are enough")
    endless = "SELECT count(*) FROM numbers AS a, numbers AS b, numbers AS c, numbers AS d"

    def ask(number: int) -> Any:
        try:
            if number % 10 == 3:
                return database.execute(endless, timeout=0.3).rows
            if number % 10 == 7:
                return database.execute("DELETE FROM customers").rows
            return database.execute(f"SELECT n, {number} FROM numbers WHERE n = {number % 900 + 1}").rows
        except (NotReadOnly, QueryTimeout, SyntaxRefused) as error:
            return type(error)

    with open_database(attacked.app) as database, ThreadPoolExecutor(16) as threads:
        found = list(threads.map(ask, range(400)))
    special = {3: QueryTimeout, 7: NotReadOnly}
    assert found == [special.get(number % 10, [(number % 900 + 1, number)]) for number in range(400)]
