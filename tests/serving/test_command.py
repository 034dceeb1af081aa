"""`t2q serve` as a process, with a real model."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest
from langchain_openai import ChatOpenAI
from typer.testing import CliRunner

from t2q.cli import app
from t2q.log.store import open_log
from tests.serving.small_run import small_run
from tests.serving.test_limits import eventually

KEY = "a-key-of-23-characters!"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_run(tmp_path_factory.mktemp("served"))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no `.env` is found."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("T2Q_API_KEY", raising=False)


@contextmanager
def process(run: Path, *options: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """With the URL that it says it answers at."""
    command = [sys.executable, "-m", "t2q", "serve", str(run), "--port", "0", *options]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **environment}
    started = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=env,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
    )
    try:
        assert started.stdout
        line = started.stdout.readline()
        url = re.fullmatch(r"small answers at (http://\S+) until Ctrl-C\n", line)
        assert url, (line, started.communicate(timeout=10))
        yield started, url[1]
    finally:
        started.kill()
        started.communicate()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_question_that_was_begun_is_answered_after_sigterm_and_kept(run: Path) -> None:
    answers: list[httpx.Response] = []
    with process(run) as (started, url):
        chat = ChatOpenAI(base_url=f"{url}/v1", api_key="any", model="small:query")  # type: ignore[arg-type]
        found = chat.invoke("How many items are there?")
        assert found.content == "SELECT COUNT(*) FROM items"
        assert found.usage_metadata and found.usage_metadata["input_tokens"] > found.usage_metadata["output_tokens"] > 5

        def ask() -> None:
            answers.append(httpx.post(f"{url}/ask", json={"question": "How many items?"}, timeout=30))

        asking = threading.Thread(target=ask)
        asking.start()
        assert eventually(lambda: answers or "t2q_questions_in_flight 1.0" in httpx.get(f"{url}/metrics").text)
        started.send_signal(signal.SIGTERM)
        asking.join(20)
        assert started.wait(20) == 143
        assert started.stdout and started.stderr
        assert started.stdout.read().splitlines() == [
            f"OpenAI-compatible at {url}/v1: models small (in words, with rows) and small:query (the query alone)",
            f"other servers for the same model: t2q serve {run} --how",
        ]
        assert started.stderr.read() == "interrupted\n"
    answer = answers[0].json()
    assert answer["rows"] == [[3]]
    log = open_log(run)
    assert [(kept.id, kept.source) for kept in log.find(limit=2)] == [
        (answer["id"], "serve"),
        (found.response_metadata["id"].removeprefix("chatcmpl-"), "openai"),
    ]
    log.close()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_key_from_the_environment_is_demanded_and_ctrl_c_is_130(run: Path) -> None:
    (run / "log.sqlite").unlink(missing_ok=True)
    (run / "log.sqlite").mkdir()  # no log can be written there
    with process(run, "--host", "localhost", T2Q_API_KEY=KEY) as (started, url):
        assert httpx.get(f"{url}/run").status_code == 401
        with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {KEY}"}) as client:
            assert client.get("/health").status_code == 200
            answer = client.post("/ask", json={"question": "How many items are there?"}).json()
        assert (answer["id"], answer["rows"]) == (None, [[3]])
        addresses = {listening.laddr[0] for listening in psutil.Process(started.pid).net_connections()}
        assert addresses and addresses <= {"127.0.0.1", "::1"}
        started.send_signal(signal.SIGINT)
        assert started.wait(20) == 130
        assert started.stderr
        errors = started.stderr.read()
    assert errors.startswith("questions are not logged, and feedback cannot be given: ")
    assert errors.splitlines()[1:] == ["interrupted"]
    (run / "log.sqlite").rmdir()


def failed(*arguments: str) -> str:
    """What `t2q serve` says where it does not start: one line."""
    result = CliRunner().invoke(app, ["serve", *arguments])
    assert result.exit_code == 1 and result.stderr.count("\n") == 1, (result.output, result.exception)
    return result.stderr


def test_a_port_in_use_is_said_before_the_model_is_loaded(run: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert failed(str(run), "--port", port).startswith(f"error: port {port} is in use: stop what uses it, or name")


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="no port is privileged")
def test_a_privileged_port_is_said(run: Path) -> None:
    assert "port 80 is for the system's own programs" in failed(str(run), "--port", "80")


def test_an_address_of_another_machine_is_said(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("T2Q_API_KEY", KEY)
    assert failed(str(run), "--host", "192.0.2.1") == "error: --host 192.0.2.1 is no address of this machine\n"
    assert failed(str(run), "--host", "a b") == "error: --host a b: there is no such address\n"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "shop.example.org", "127.0.0.1.example.org", ""])
def test_others_may_ask_only_with_a_key(run: Path, host: str) -> None:
    said = failed(str(run), "--host", host, "--port", "0")
    assert said.startswith(f"error: --host {host} lets other machines ask: set T2Q_API_KEY in .env or the environment")


@pytest.mark.parametrize("key", ["short", "x" * 15, "ä" * 20, "a key\nof two lines"])
def test_a_key_that_can_be_guessed_or_not_sent_is_refused(run: Path, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("T2Q_API_KEY", key)
    said = failed(str(run))
    assert "T2Q_API_KEY must have at least 16 characters" in said and key not in said


def test_a_key_in_a_file_counts(run: Path) -> None:
    Path(".env").write_text("T2Q_API_KEY=short\n")
    assert "T2Q_API_KEY must have at least 16 characters" in failed(str(run))


def test_a_run_that_is_not_finished_is_said(tmp_path: Path) -> None:
    assert "there is no run in gone: make one with" in failed("gone", "--port", "0")
    (tmp_path / "begun").mkdir()
    assert "the run in begun has no model yet: finish it" in failed("begun", "--port", "0")
    assert "the run in begun has no model yet: finish it" in failed("begun", "--how")


def test_a_threshold_wants_a_run_that_knows_how_sure_it_is(run: Path) -> None:
    said = failed(str(run), "--threshold", "0.5", "--port", "0")
    assert said.startswith(f"error: a threshold wants to know how sure an answer is, and {run} has not been evaluated")


def test_how_other_servers_serve_it(run: Path) -> None:
    lines = CliRunner().invoke(app, ["serve", str(run), "--how"]).stdout.splitlines()
    assert f"  cd {run}/quantize && ollama create small -f Modelfile" in lines
    (line,) = [line for line in lines if "llama_cpp.server" in line]
    options = dict(re.findall(r"--(\w+) (\S+)", line))
    assert Path(options["model"]) == run / "quantize" / "model-f16.gguf" and Path(options["model"]).is_file()
    assert int(options["n_ctx"]) > 256 + 512
    assert f"  vllm serve {run}/hf --served-model-name small --host 127.0.0.1" in lines
    assert any(str(run / "prepare" / "database.txt") in line for line in lines)


def test_paths_with_spaces_are_quoted(tmp_path: Path) -> None:
    folder = tmp_path / "my runs" / "shop" / "gguf"
    folder.mkdir(parents=True)
    (folder / "Modelfile").write_text("FROM ./model-f16.gguf\nPARAMETER num_ctx 900\n")
    said = CliRunner().invoke(app, ["serve", str(folder.parent), "--how"]).stdout
    assert f"cd '{folder}' && ollama create shop" in said and f"--model '{folder}/model-f16.gguf'" in said
