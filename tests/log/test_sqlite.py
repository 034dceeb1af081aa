"""A log in a file: what is left of what was forgotten, and what happens where it cannot be written."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from t2q.errors import LogError
from t2q.log import sqlite
from t2q.log.interaction import Wanted
from t2q.log.store import open_log
from tests.log.interactions import ask, questions

SECRET = "Zwiebelsuppe"
ROOT_ON_LINUX = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="mounting a disk takes root on Linux"
)


@contextlib.contextmanager
def disk(folder: Path, options: str) -> Iterator[None]:
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip("a disk cannot be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def holding(folder: Path, text: str) -> list[str]:
    return [path.name for path in folder.iterdir() if text.encode() in path.read_bytes()]


def test_no_file_holds_what_was_forgotten(tmp_path: Path) -> None:
    with open_log(tmp_path) as log, open_log(tmp_path) as other:
        for number in range(300):
            ask(log, f"{SECRET} {number} " * 20 if number % 3 else f"kept {number}")
        log.correct(ask(log, "corrected"), f"SELECT '{SECRET}'")
        log.correct(next(log.find()).id, "SELECT 1")
        assert len(questions(other)) == 301
        assert holding(tmp_path, SECRET) and holding(tmp_path, "kept 3")
        assert log.forget(Wanted(text=SECRET.upper())) == 200
        assert holding(tmp_path, SECRET) == []
        assert len(questions(other)) == 101
    assert holding(tmp_path, SECRET) == [] and holding(tmp_path, "kept 3") == ["log.sqlite"]


def test_what_somebody_still_reads_is_told_and_forgotten_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "LOCK_WAIT_SECONDS", 0.1)
    with open_log(tmp_path) as log:
        ask(log, SECRET)
        with (
            contextlib.closing(sqlite3.connect(tmp_path / "log.sqlite")) as reader,
            contextlib.closing(reader.execute("SELECT question FROM interactions UNION ALL SELECT 1")) as reading,
        ):
            assert reading.fetchone() == (SECRET,)
            with pytest.raises(LogError, match=r"is still in log\.sqlite-wal, which another program reads: forget it"):
                log.forget(Wanted())
            assert questions(log) == [] and holding(tmp_path, SECRET)
        assert log.forget(Wanted()) == 0
        assert holding(tmp_path, SECRET) == []


def test_a_log_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    with open_log(tmp_path) as log:
        ask(log, "?")
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (sqlite.VERSION,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        connection.execute(f"PRAGMA user_version = {sqlite.VERSION + 1}")
    with pytest.raises(LogError, match=r"log\.sqlite was made by a newer version of t2q: update t2q to read it$"):
        open_log(tmp_path)


@pytest.mark.parametrize("content", [b"no database at all, whatever its name says " * 40, b"SQLite format 3\0" * 100])
def test_a_file_that_is_no_log_is_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "log.sqlite").write_bytes(content)
    with pytest.raises(LogError, match=r"^the log .*log\.sqlite cannot be read: file is not a database$"):
        open_log(tmp_path)
    assert (tmp_path / "log.sqlite").read_bytes() == content


def test_an_empty_file_becomes_a_log(tmp_path: Path) -> None:
    (tmp_path / "log.sqlite").touch()
    with open_log(tmp_path) as log:
        ask(log, "?")
        assert questions(log) == ["?"]


def test_a_log_that_another_program_locks_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "LOCK_WAIT_SECONDS", 0.1)
    with open_log(tmp_path) as log:
        ask(log, "before")
        with contextlib.closing(sqlite3.connect(tmp_path / "log.sqlite", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(LogError, match=r"log\.sqlite cannot be written: database is locked$"):
                ask(log, "meanwhile")
            assert questions(log) == ["before"]
        ask(log, "after")
        assert questions(log) == ["after", "before"]


@ROOT_ON_LINUX
def test_a_full_disk_is_one_line_and_the_log_goes_on_later(tmp_path: Path) -> None:
    filler = tmp_path / "filler"
    with disk(tmp_path, "size=512k"):
        with open_log(tmp_path) as log:
            ask(log, "before")
            with pytest.raises(OSError), filler.open("wb", buffering=0) as file:
                while True:
                    file.write(b"x" * 4096)
            with pytest.raises(LogError, match=r"log\.sqlite cannot be written: database or disk is full$") as caught:
                for number in range(100):
                    ask(log, f"during {number} " * 100)
            assert "\n" not in str(caught.value)
            assert questions(log)[-1] == "before"
            filler.unlink()
            ask(log, "after")
        with open_log(tmp_path) as log:
            assert questions(log)[0] == "after"


@ROOT_ON_LINUX
def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with disk(tmp_path, "size=1m"):
        for made in (False, True):
            subprocess.run(["mount", "-o", "remount,ro", tmp_path], check=True)
            with pytest.raises(LogError, match=r"^the log .*log\.sqlite cannot be (read|written): .") as caught:
                ask(open_log(tmp_path), "?")
            assert "\n" not in str(caught.value)
            subprocess.run(["mount", "-o", "remount,rw", tmp_path], check=True)
            if not made:
                with open_log(tmp_path) as log:
                    ask(log, "?")
