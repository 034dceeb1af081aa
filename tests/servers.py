"""Servers that tests start for themselves: on a free port, in a folder of their own, gone with the test."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from t2q.databases import keeper


class CannotStartError(Exception):
    """Why there is no server here, in one line."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextlib.contextmanager
def home_folder(name: str) -> Iterator[Path]:
    """A folder for a server's files, short as paths of sockets must be."""
    home = Path(tempfile.mkdtemp(prefix=f"t2q-{name}-"))
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextlib.contextmanager
def running(command: list[str], home: Path, ready: Callable[[], bool], seconds: float) -> Iterator[None]:
    """Runs a server for the block. Raises CannotStartError unless it is `ready` within `seconds`.

    The keeper ends the server and removes `home`, also when the tests are killed.
    """
    process = subprocess.Popen([sys.executable, keeper.__file__, str(home), *command], stdin=subprocess.PIPE)
    try:
        deadline = time.monotonic() + seconds
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise CannotStartError(f"{command[0]} did not start: {(home / keeper.OUTPUT).read_text()[-300:]}")
            time.sleep(0.2)
        yield
    finally:
        process.communicate(b"x")
