"""Many clients that ask without a pause: `t2q serve` against `llama_cpp.server` on the same file, by turns.

    python benchmarks/load.py RUN [--questions N] [--clients N] [--seconds S]

Every answer of ours is held against the one that its question gets alone, and the servers' memory is watched.
llama_cpp.server wants the packages of llama-cpp-python[server]; without them only ours is timed.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
from rich.console import Console
from rich.table import Table

from t2q.answering.asker import MAX_NEW_TOKENS, Asker
from t2q.prepared import Prepared
from t2q.prompt import render

START_SECONDS = 60
STEP = 7  # how far apart the questions of a client are, so that no two clients ask the same for long


@dataclass(frozen=True)
class Server:
    """`ask` gives the text of an answer; `ready` answers once the server does."""

    name: str
    command: list[str]
    ready: str
    ask: Callable[[httpx.Client, str], str]


@dataclass
class Found:
    seconds: list[float] = field(default_factory=list)
    answers: list[tuple[str, str]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)  # bytes, each second


def servers(run: Path, port: int) -> Iterator[Server]:
    if importlib.util.find_spec("sse_starlette"):
        prepared = Prepared.load(run / "prepare")
        file = min((run / "quantize").glob("*.gguf"), key=lambda path: path.stat().st_size)

        def complete(client: httpx.Client, question: str) -> str:
            prompt = render(prepared.only.text, question, prepared.style)
            asked = {"prompt": prompt, "max_tokens": MAX_NEW_TOKENS, "temperature": 0}
            return str(client.post("/v1/completions", json=asked).raise_for_status().json()["choices"][0]["text"])

        words = ["llama_cpp.server", "--model", str(file), "--port", str(port), "--n_ctx", "2048"]
        yield Server("llama_cpp.server", [sys.executable, "-m", *words], "/v1/models", complete)

    def ask(client: httpx.Client, question: str) -> str:
        return str(client.post("/ask", json={"question": question}).raise_for_status().json()["query"])

    words = ["t2q", "serve", str(run), "--port", str(port)]
    yield Server("t2q serve", [sys.executable, "-m", *words], "/health", ask)


def hammer(server: Server, port: int, questions: list[str], clients: int, seconds: float) -> Found:
    """What `clients` were answered that asked for so long; a client that is told to come back later does so."""
    found = Found()
    with started(server, port) as process:
        ends = time.monotonic() + seconds

        def client(number: int) -> None:
            # As through a proxy: else all are one client to the limits of `t2q serve`.
            came_from = {"X-Forwarded-For": f"10.0.0.{number + 1}"}
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=300, headers=came_from) as session:
                asked = number
                while time.monotonic() < ends:
                    question = questions[asked % len(questions)]
                    asked += STEP
                    start = time.perf_counter()
                    try:
                        found.answers.append((question, server.ask(session, question)))
                        found.seconds.append(time.perf_counter() - start)
                    except (httpx.HTTPError, KeyError, ValueError) as error:
                        found.errors.append(f"{type(error).__name__}: {error}".splitlines()[0])
                        time.sleep(0.2)

        threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            found.memory.append(process.memory_info().rss)
            time.sleep(1)
    return found


@contextlib.contextmanager
def started(server: Server, port: int) -> Iterator[psutil.Process]:
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(server.command, stdout=output, stderr=output)
        try:
            ends = time.monotonic() + START_SECONDS
            while True:
                with contextlib.suppress(httpx.HTTPError):
                    if httpx.get(f"http://127.0.0.1:{port}{server.ready}").is_success:
                        break
                if process.poll() is not None or time.monotonic() > ends:
                    output.seek(0)
                    raise SystemExit(f"{server.name} does not serve: {output.read().decode()[-2000:]}")
                time.sleep(0.2)
            yield psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(30)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--questions", type=int, default=60)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=120)
    options = parser.parse_args()
    run, console, port = options.run.resolve(), Console(width=120), free_port()
    questions = [pair.question for pair in Prepared.load(run / "prepare").pairs("test")][: options.questions]
    with Asker.open(run) as asker:
        alone = {question: asker.ask(question).query for question in questions}
    table = Table("server", "answers", "a second", "times", "p50", "p95", "errors", "other answers", "memory, MiB")
    base = 0.0
    for server in servers(run, port):
        found = hammer(server, port, questions, options.clients, options.seconds)
        rate = len(found.seconds) / options.seconds
        base = base or rate
        times = sorted(found.seconds) or [0.0]
        other = sum(answer != alone[question] for question, answer in found.answers)
        early = found.memory[len(found.memory) // 4]  # once everything that is kept has been met
        table.add_row(
            server.name,
            str(len(times)),
            f"{rate:.1f}",
            f"{rate / base:.2f}",
            f"{statistics.median(times):.2f} s",
            f"{times[int(0.95 * len(times))]:.2f} s",
            str(len(found.errors)),
            str(other) if server.name == "t2q serve" else "",
            f"{early / 2**20:.0f}, then {found.memory[-1] / 2**20:.0f}",
        )
        for error in sorted(set(found.errors))[:3]:
            console.print(f"{server.name}: {error}", markup=False)
    console.print(f"{options.clients} clients, {options.seconds:g} s")
    console.print(table)


if __name__ == "__main__":
    main()
