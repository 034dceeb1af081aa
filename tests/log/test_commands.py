"""`t2q log`: what it lists, shows, exports and forgets, and how it says that it cannot."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from t2q.cli import app
from t2q.log import store
from t2q.log.interaction import Interaction
from t2q.log.promoted import PromotedPair, read_promoted, write_promoted
from t2q.log.store import open_log
from t2q.log.times import point_in_time
from tests.log.interactions import DECLINED, START, Clock, ask, questions

LIKED, CORRECTED, DECLINED_ID = ("aa1" + "0" * 29, "ab2" + "0" * 29, "ccc" + "0" * 29)
Verb = Callable[..., Any]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run's folder with three questions: of one the answer was liked, of one it was corrected, one was declined."""
    Clock(monkeypatch)
    ids = iter((LIKED, CORRECTED, DECLINED_ID))
    monkeypatch.setattr(store.secrets, "token_hex", lambda _: next(ids))
    with open_log(tmp_path) as log:
        log.rate(ask(log, "Who bought [bold]pears[/bold]?"), "up")
        ask(log, "Which\n\x1b[31mÄpfel?", source="serve")
        log.rate(CORRECTED, "down")
        log.correct(CORRECTED, "SELECT 'Äpfel',\n  2")
        ask(log, "Which boats?", DECLINED)
    return tmp_path


@pytest.fixture
def log(run: Path) -> Verb:
    """The verb with its arguments, the run among them."""
    return lambda verb, *arguments, **settings: CliRunner().invoke(app, ["log", verb, str(run), *arguments], **settings)


def test_a_list_has_a_line_a_question_and_shows_what_strangers_wrote_as_text(log: Verb) -> None:
    asked = f"{START.astimezone():%Y-%m-%d %H:%M}"
    assert [" ".join(line.split()) for line in log("list").output.splitlines()[2:]] == [
        f"ccc00000 {asked} ask Which boats? I don't know (refused)",
        f"ab200000 {asked} serve Which �[31mÄpfel? 2 rows down, corrected",
        f"aa100000 {asked} ask Who bought [bold]pears[/bold]? 2 rows up",
    ]


@pytest.mark.parametrize("verb", ["list", "show", "export", "promote", "forget"])
def test_every_verb_has_help_with_examples(verb: str) -> None:
    result = CliRunner().invoke(app, ["log", verb, "--help"])
    assert result.exit_code == 0 and f"Examples:\n    t2q log {verb} runs/" in result.output
    assert f"\n  {verb} " in CliRunner().invoke(app, ["log", "--help"]).output


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["--rating", "up"], [LIKED]),
        (["--abstained"], [DECLINED_ID]),
        (["--answered", "--uncorrected"], [LIKED]),
        (["--corrected", "--text", "äpfel"], [CORRECTED]),
        (["--since", "2026-11-01T12:00:02+00:00"], [DECLINED_ID, CORRECTED]),
        (["--until", "2026-11-01T12:00:02+00:00"], [LIKED]),
        (["--since", "1h"], []),
        (["--id", "aa", "--id", "CCC"], [DECLINED_ID, LIKED]),
        ([], [DECLINED_ID, CORRECTED, LIKED]),
    ],
)
def test_list_and_export_and_forget_are_narrowed_alike(
    run: Path, log: Verb, arguments: list[str], found: list[str]
) -> None:
    ids = [json.loads(line)["id"] for line in log("export", *arguments).output.splitlines()]
    assert ids == found
    listed = log("list", *arguments).output
    assert [id for id in (DECLINED_ID, CORRECTED, LIKED) if id[:8] in listed] == found
    assert "nothing of that kind in the log" in listed or found
    number = f"forgot {len(found)} interaction{'s' * (len(found) != 1)}\n"
    assert log("forget", *(arguments or ["--all"]), "--yes").output == number
    with open_log(run) as opened:
        left = [interaction.id for interaction in opened.find()]
    assert left == [id for id in (DECLINED_ID, CORRECTED, LIKED) if id not in found]


def test_a_long_list_shows_the_latest_and_says_so(run: Path, log: Verb) -> None:
    lines = log("list", "--limit", "2").output.splitlines()
    assert len(lines) == 5
    assert lines[-1] == f"… and older ones: --limit lists more, `t2q log export {run}` writes all of them"


def test_a_list_shows_the_beginning_of_a_long_question(tmp_path: Path) -> None:
    with open_log(tmp_path) as opened:
        ask(opened, f"Who bought {'é' * 4000}?")
    listed = CliRunner().invoke(app, ["log", "list", str(tmp_path)]).output
    assert listed.count("é") == 188 and "é…" in listed


def test_show_has_all_that_is_known(log: Verb) -> None:
    lines = [" ".join(line.split()) for line in log("show", "AB").output.splitlines()]
    assert {"id " + CORRECTED, "question Which", "�[31mÄpfel?", "rows 2", "rating down", "source serve"} <= set(lines)
    assert lines[lines.index("correction SELECT 'Äpfel',") + 1] == "2"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["show", "a"], "error: several ids begin with 'a': write more of it, as `t2q log list` shows it\n"),
        (["show", ""], "error: several ids begin with '': write more of it, as `t2q log list` shows it\n"),
        (["show", "f'"], 'error: the log has no interaction "f\'": `t2q log list` shows what is there\n'),
        (["list", "--id", "f"], "error: the log has no interaction 'f': `t2q log list` shows what is there\n"),
        (["forget"], "error: say what to forget: by options such as --until 90d or --id, or else --all\n"),
        (["forget", "--all", "--rating", "up"], "error: say what to forget: by options such as --until 90d or"),
        (["export", "--out", "/no/such/folder/x.csv"], "error: /no/such/folder/x.csv: No such file or directory\n"),
        (["promote"], "error: "),
    ],
)
def test_a_mistake_is_one_line(log: Verb, arguments: list[str], says: str) -> None:
    result = log(*arguments)
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1) and result.stderr.startswith(says)
    assert result.stdout == ""


@pytest.mark.parametrize("name", ["log.jsonl", "log.csv", "log.txt"])
def test_an_export_holds_every_field(run: Path, log: Verb, name: str) -> None:
    path = run / name
    assert log("export", "--out", str(path)).output == ""
    text = path.read_text(encoding="utf-8")
    if name.endswith("csv"):
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        assert list(rows[0]) == [field.name for field in fields(Interaction)]
        assert rows[0]["rows"] == "" and rows[1]["rows"] == "2"
    else:
        rows = [json.loads(line) for line in text.splitlines()]
        assert rows[0]["rows"] is None and rows[1]["rows"] == 2
    assert rows[1]["question"] == "Which\n\x1b[31mÄpfel?" and rows[1]["correction"] == "SELECT 'Äpfel',\n  2"
    assert rows[1]["asked"] == (START + timedelta(seconds=3)).isoformat()
    assert not list(run.glob(".*.partial"))


def test_an_export_to_what_is_no_file_leaves_it_what_it_is(run: Path, log: Verb) -> None:
    pipe = run / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as reader:
        read = reader.submit(pipe.read_text)
        assert log("export", "--out", str(pipe)).exit_code == 0
        assert read.result(timeout=60).count("\n") == 3
    assert pipe.is_fifo()
    link = run / "link.csv"
    link.symlink_to(run / "log.csv")
    assert log("export", "--out", str(link)).exit_code == 0
    assert link.is_symlink() and (run / "log.csv").read_text().startswith("id,asked")


def test_an_export_may_be_read_in_part(run: Path) -> None:
    with open_log(run) as opened:
        opened.correct(DECLINED_ID, "?" * 1_000_000)
    command = f"{sys.executable} -m t2q log export {run} | head -c 10"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ('{"id": "cc', "")


def test_nothing_is_forgotten_without_a_yes(run: Path, log: Verb) -> None:
    refused = log("forget", "--all", input="n\n")
    assert "Delete 3 interactions from the log of" in refused.output and refused.exit_code == 1
    assert log("forget", "--all", input="").exit_code == 1
    with open_log(run) as opened:
        assert len(questions(opened)) == 3
    assert log("forget", "--all", input="y\n").output.endswith("forgot 3 interactions\n")


def test_promoted_pairs_are_forgotten_with_their_questions(run: Path, log: Verb) -> None:
    pairs = [PromotedPair("Who?", "SELECT 1", "", id, START.isoformat()) for id in (LIKED, "gone")]
    write_promoted(run, pairs)
    assert log("forget", "--rating", "up", "--yes").output == (
        f"forgot 1 interaction\ntook 1 pair out of {run}/promoted.jsonl: the next `t2q run` learns without\n"
    )
    assert read_promoted(run) == pairs[1:]


def test_points_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert point_in_time(" 2026-11-01 ") == datetime(2026, 10, 31, 15, tzinfo=timezone.utc)
        assert point_in_time("2026-11-01T12:30+02:00") == datetime(2026, 11, 1, 10, 30, tzinfo=timezone.utc)
    finally:
        monkeypatch.undo()
        time.tzset()
    ago = datetime.now(timezone.utc) - point_in_time("1W")
    assert timedelta(days=6, hours=23) < ago < timedelta(days=7, hours=1)
    for text in ("", "7", "7y", "d", "yesterday", "999999999999d", "0001-01-01", "2026-13-01", "-7d"):
        with pytest.raises(typer.BadParameter, match="is no time: write 7d, 12h or 2w"):
            point_in_time(text)
