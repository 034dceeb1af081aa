"""Child processes: their output, their failures in one line, and that they never outlive a killed run."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from t2q.child import run_child
from t2q.errors import StageError


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_lines_reach_the_caller_and_the_log(tmp_path: Path) -> None:
    lines: list[str] = []
    code = r"import sys; print('one'); sys.stdout.flush(); sys.stderr.buffer.write(b'tw\xff\n')"
    run_child(python(code), "it", tmp_path / "log", lines.append)
    assert lines == ["one", "tw\ufffd"]
    assert (tmp_path / "log").read_text(encoding="utf-8") == "one\ntw\ufffd\n"


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("raise SystemExit('no space for this')", "it failed with exit code 1: no space for this; output: "),
        ("raise SystemExit(3)", "it failed with exit code 3: no output; output: "),
        ("import os; os.kill(os.getpid(), 9)", "it was killed by SIGKILL (out of memory?); output: "),
        ("import os; os.kill(os.getpid(), 11)", "it was killed by SIGSEGV; output: "),
    ],
)
def test_failures_are_one_line(tmp_path: Path, code: str, says: str) -> None:
    with pytest.raises(StageError) as caught:
        run_child(python(code), "it", tmp_path / "log", lambda _: None)
    assert str(caught.value) == says + str(tmp_path / "log")


def test_a_child_ends_when_its_reader_gives_up(tmp_path: Path) -> None:
    def stop(line: str) -> None:
        raise StageError(f"process {line} went wrong")

    code = "import os, time; print(os.getpid(), flush=True); time.sleep(300)"
    with pytest.raises(StageError, match="went wrong") as caught:
        run_child(python(code), "it", tmp_path / "log", stop)
    assert not psutil.pid_exists(int(str(caught.value).split()[1]))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_a_child_does_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    log = str(tmp_path / "log")
    sleeper = "import os, time; print(os.getpid(), flush=True); time.sleep(300)"
    code = f"""
import sys
from pathlib import Path
from t2q.child import run_child
run_child([sys.executable, "-c", {sleeper!r}], "it", Path({log!r}), lambda line: print(line, flush=True))
"""
    parent = subprocess.Popen(python(code), stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert psutil.pid_exists(child)
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 60
    while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the child lives on"
        time.sleep(0.05)


def test_on_ctrl_c_a_child_may_keep_what_it_has(tmp_path: Path) -> None:
    """It gets SIGTERM, and the time to answer it."""
    child = f"""
import signal, time
from pathlib import Path
def keep(*_):
    time.sleep(0.5)
    print("x" * 100_000)
    Path({str(tmp_path / "kept")!r}).touch()
    raise SystemExit(75)
signal.signal(signal.SIGTERM, keep)
print("ready", flush=True)
time.sleep(300)
"""

    def interrupt(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_child(python(child), "it", tmp_path / "log", interrupt)
    assert (tmp_path / "kept").exists()
