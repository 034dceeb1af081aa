"""Child processes that end when t2q ends, and whose death is told in one line."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from t2q.errors import StageError

STOPPED = 75  # exit code of a child that ended early because it was told to, with its state kept
GRACE = 60.0  # seconds that a child has to keep its state when the run is interrupted
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def die_with_parent(parent: int | None = None) -> None:
    """In the child, on Linux: SIGKILL when the parent dies, so that a killed run leaves nothing working behind it.

    `parent`: its number, where it may have died already; then SystemExit is raised.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if parent not in (None, os.getppid()):
            sys.exit("the process that started this one is gone")


def run_child(
    command: Sequence[str],
    what: str,
    log_path: Path,
    on_line: Callable[[str], None],
    env: Mapping[str, str] | None = None,
) -> None:
    """Runs a command to its end, its output (both streams) line by line to `on_line` and into `log_path`.

    `what` names it in errors ("the training"). Raises StageError where it fails or is killed. On Ctrl-C the child gets
    SIGTERM, and time to keep what it has, before KeyboardInterrupt goes on.
    """
    last: deque[str] = deque(maxlen=40)
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=env,
        encoding="utf-8",
        errors="replace",
        preexec_fn=die_with_parent if sys.platform == "linux" else None,
    )
    try:
        with log_path.open("a", encoding="utf-8") as log:
            assert child.stdout is not None
            for line in child.stdout:
                log.write(line)
                log.flush()
                last.append(line.rstrip())
                on_line(line.rstrip())
        code = child.wait()
    except KeyboardInterrupt:
        _end_gently(child)
        raise
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
    if code < 0:
        raise StageError(f"{what} was {death(-code)}; output: {log_path}")
    if code > 0:
        reason = next((line for line in reversed(last) if line.strip()), "no output")
        raise StageError(f"{what} failed with exit code {code}: {reason}; output: {log_path}")


def _end_gently(child: subprocess.Popen[str]) -> None:
    """SIGTERM; returns when the child has ended, or has had its time, or on a second Ctrl-C."""
    child.terminate()
    with suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
        child.communicate(timeout=GRACE)  # reads on, so that it is not held up by a full pipe


def death(number: int) -> str:
    """What ended a process, by the number of the signal."""
    name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
    return f"killed by {name}" + (" (out of memory?)" if name == "SIGKILL" else "")
