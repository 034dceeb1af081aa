"""What a log keeps, finds and forgets: the same of either store."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from t2q.errors import LogError
from t2q.log import store
from t2q.log.interaction import Interaction, Wanted
from t2q.log.store import open_log
from tests.log.conftest import Settings
from tests.log.interactions import DECLINED, SHOWN, START, Clock, ask, questions

AWKWARD = [
    "'; DROP TABLE interactions; --",
    '"}) DETACH DELETE q //',
    "100 % of _them_ \\ $id {id}",
    "Wie viele Äpfel? 🍎 \x00 \u202e",
    "  two\nlines\t",
    "",
]


def test_what_is_recorded_is_found_the_latest_first(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Clock(monkeypatch)
    with open_log(run) as log:
        first = ask(log, "Who?", source="serve")
        second = ask(log, "Which boats?", DECLINED)
    with open_log(run) as log:
        declined, shown = log.find()
    assert shown == Interaction(
        id=first,
        asked=START + timedelta(seconds=1),
        source="serve",
        question="Who?",
        query=SHOWN.query,
        abstained=False,
        kind="",
        reason="",
        confidence=None,
        rows=2,
        seconds=0.75,
        schema="5c",
        model="3d",
    )
    assert (declined.id, declined.rows, declined.kind, declined.reason) == (second, None, "refused", DECLINED.reason)
    assert len({first, second}) == 2 and min(len(first), len(second)) == 32


@pytest.mark.parametrize("question", AWKWARD)
def test_any_text_is_kept_as_it_is(run: Path, question: str) -> None:
    with open_log(run) as log:
        ask(log, "another")
        id = ask(log, question)
        log.correct(id, question)
        [found] = log.find(Wanted(text=question, ids=[id]))
        assert (found.question, found.correction) == (question, question.strip())


def test_half_a_character_costs_itself_only(run: Path) -> None:
    with open_log(run) as log:
        ask(log, "caf\udce9?")
        assert questions(log) == ["caf??"]
        for wanted in (Wanted(text="\udce9"), Wanted(ids=["\udce9"])):
            with pytest.raises(LogError):
                list(log.find(wanted))
        with pytest.raises(LogError):
            log.rate("\udce9", "up")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, "dcba"),
        ({"since": START + timedelta(seconds=3)}, "dc"),
        ({"until": START + timedelta(seconds=3)}, "ba"),
        ({"rating": "up"}, "a"),
        ({"rating": "down"}, "b"),
        ({"corrected": True}, "cb"),
        ({"corrected": False}, "da"),
        ({"abstained": True}, "d"),
        ({"abstained": False}, "cba"),
        ({"text": "ÄPFEL"}, "dcba"),
        ({"text": "äpfel c"}, "c"),
        ({"text": "%"}, ""),
        ({"rating": "down", "corrected": True, "abstained": False, "text": "b"}, "b"),
        ({"ids": []}, ""),
        ({"beginning": "0"}, ""),
    ],
)
def test_only_what_is_wanted_is_found(
    run: Path, wanted: dict[str, Any], found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Clock(monkeypatch)
    ids = iter("abcd")
    monkeypatch.setattr(store.secrets, "token_hex", lambda _: next(ids) * 32)
    with open_log(run) as log:
        a, b, c, _ = (ask(log, f"Äpfel {name}", DECLINED if name == "d" else SHOWN) for name in "abcd")
        log.rate(a, "up")
        log.rate(b, "down")
        log.correct(b, "SELECT 2")
        log.correct(c, "SELECT 3")
        assert "".join(q[-1] for q in questions(log, **wanted)) == found
        assert questions(log, ids=[c, a]) == ["Äpfel c", "Äpfel a"]
        assert questions(log, beginning="bb") == ["Äpfel b"]


def test_a_long_log_is_read_in_pages_and_as_far_as_wanted(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "PAGE", 3)
    monkeypatch.setattr(store, "_now", lambda: START)  # of the same time, the id decides
    with open_log(run) as log:
        asked = {ask(log, "?") for _ in range(7)}
        found = [interaction.id for interaction in log.find()]
        assert len(found) == 7 and set(found) == asked
        for limit in (0, 1, 3, 5, 7, 9):
            assert [interaction.id for interaction in log.find(limit=limit)] == found[:limit]


def test_a_judgement_can_change_and_be_taken_back(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Clock(monkeypatch)
    with open_log(run) as log:
        id = ask(log, "?")

        def judged() -> tuple[str | None, str, timedelta]:
            [found] = log.find()
            assert found.judged is not None
            return found.rating, found.correction, found.judged - START

        log.rate(id, "down")
        assert judged() == ("down", "", timedelta(seconds=2))
        log.correct(id, " SELECT 1\n")
        assert judged() == ("down", "SELECT 1", timedelta(seconds=3))
        log.rate(id, None)
        log.correct(id, "")
        assert judged() == (None, "", timedelta(seconds=5))


def test_what_is_not_there_cannot_be_judged(run: Path) -> None:
    with open_log(run) as log:
        for _ in range(2):  # before and after the log is made
            with pytest.raises(LogError, match=r"^the log has no interaction '12ab': it may have been forgotten$"):
                log.rate("12ab", "up")
            with pytest.raises(LogError, match="has no interaction '12ab'"):
                log.correct("12ab", "SELECT 1")
            ask(log, "?")
        assert [found.judged for found in log.find()] == [None, None]


def test_only_what_is_wanted_is_forgotten(run: Path) -> None:
    with open_log(run) as log:
        assert log.forget(Wanted()) == 0
        liked = ask(log, "liked")
        log.rate(liked, "up")
        for _ in range(3):
            ask(log, "boats", DECLINED)
        assert log.forget(Wanted(ids=[])) == 0
        assert log.forget(Wanted(abstained=True)) == 3
        assert questions(log) == ["liked"]
        assert log.forget(Wanted()) == 1
        assert questions(log) == []
        ask(log, "again")
        assert questions(log) == ["again"]


def _ask_and_judge(run: Path, number: int) -> None:
    with open_log(run) as log:
        for _ in range(number):
            log.rate(ask(log, "?"), "up")


def test_several_processes_keep_all_that_they_are_told(run: Path) -> None:
    """They all make the log, too."""
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_ask_and_judge, args=(run, 20)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    with open_log(run) as log:
        assert len(questions(log, rating="up")) == 80


def test_what_was_kept_outlives_a_process_that_is_killed(run: Path) -> None:
    code = (
        "import sys, pathlib; from t2q.log.store import open_log; from tests.log.interactions import ask\n"
        "log = open_log(pathlib.Path(sys.argv[1]))\nwhile True: print(ask(log, '?'), flush=True)"
    )
    with subprocess.Popen([sys.executable, "-c", code, run], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        told = {process.stdout.readline().strip() for _ in range(20)}
        process.kill()
        told |= {line.strip() for line in process.stdout if len(line) == 33}
    with open_log(run) as log:
        assert len(told) >= 20 and told <= {found.id for found in log.find()}


def test_several_threads_may_judge_the_same_answer(run: Path) -> None:
    with open_log(run) as log, ThreadPoolExecutor(8) as threads:
        id = ask(log, "?")
        list(threads.map(lambda n: log.correct(id, f"SELECT {n}"), range(40)))
        list(threads.map(lambda n: ask(log, str(n)), range(40)))
        assert len(questions(log)) == 41
        [found] = log.find(Wanted(corrected=True))
        assert found.id == id and found.correction.startswith("SELECT ")


def test_what_is_too_old_is_gone_when_the_log_is_opened(
    run_in_store: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    with open_log(run_in_store(keep_days=2)) as log:
        ask(log, "old")
        clock.now += timedelta(days=1)
        ask(log, "new")
    clock.now += timedelta(days=1)
    with open_log(run_in_store()) as log:
        assert questions(log) == ["new", "old"]
    with open_log(run_in_store(keep_days=2)) as log:
        assert questions(log) == ["new"]


def test_what_grows_too_old_goes_while_the_log_is_open(run_in_store: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    monkeypatch.setattr(store, "DAY", 0.02)
    with open_log(run_in_store(keep_days=1)) as log:
        ask(log, "old")
        clock.now += timedelta(days=1)
        deadline = time.monotonic() + 60
        while questions(log):
            assert time.monotonic() < deadline
            time.sleep(0.02)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", r"recipe\.json cannot be read: `t2q run RECIPE` writes it anew"),
        ("[]", r"recipe\.json cannot be read"),
        ('{"log": {"database": "sqlite:///x"}}', r"recipe\.json cannot be read"),
        ('{"log": {"database": "bolt://127.0.0.1:1"}}', r"the log in bolt://127.0.0.1:1 does not answer: "),
        ('{"log": {"database": "bolt://${NO_SUCH}:${THING}@h"}}', r"the log: bolt://h needs the variable NO_SUCH"),
    ],
)
def test_a_log_that_cannot_be_opened_is_one_line(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "recipe.json").write_text(text)
    with pytest.raises(LogError, match=says) as caught:
        open_log(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_run_that_is_not_there_has_no_log(tmp_path: Path) -> None:
    with pytest.raises(LogError, match=r"there is no run in .*gone: make one with `t2q run RECIPE`"):
        open_log(tmp_path / "gone")


def test_a_log_that_nobody_wrote_to_is_empty_and_makes_no_file(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:
        assert questions(log) == [] and log.forget(Wanted()) == 0
    assert not list(tmp_path.iterdir())
