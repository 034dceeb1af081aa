"""What an answer of a finished run costs, against llama.cpp's own ways, on this machine.

    python benchmarks/answer.py RUN [--questions N] [--only warm,restart,guide]

warm     an answer while the server runs: the whole of it, against the time in which llama.cpp decodes its tokens one by
         one with everything before them already read
restart  the first answer of a new process, against llama-cpp-python called plainly with the full prompt
guide    tokens a second with and without the guide, one answer at a time and sixteen at once
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from t2q.answering.asker import Asker
from t2q.guiding import Guide
from t2q.models.llama_cpp_model import LlamaCppModel
from t2q.prepared import Prepared
from t2q.prompt import render

PARTS = ("warm", "restart", "guide")


def ms(seconds: float) -> str:
    return f"{1e3 * seconds:.1f} ms"


def warm(run: Path, questions: list[str]) -> Table:
    with Asker.open(run) as asker:
        model = asker.model
        assert isinstance(model, LlamaCppModel)
        for question in questions[:3] * 2:
            asker.ask(question)
        time.sleep(2)  # what others are guessed from is learnt beside the first answers
        whole, writing, tokens = [], [], []
        for question in questions:
            start = time.perf_counter()
            found = asker.ask(question)
            whole.append(time.perf_counter() - start)
            writing.append(found.seconds.get("write", 0.0))
            tokens.append(len(model.encode(found.query or found.reason)))
    with LlamaCppModel(file_of(run)) as model:
        decoding = [one_by_one(model, p, n) for p, n in zip(prompts_of(run, questions), tokens, strict=True)]
    table = Table("an answer, warm", "p50", "p95", "to decode-only", title=f"{len(questions)} questions")
    base = statistics.median(decoding)
    for name, times in {"decode-only": decoding, "written": writing, "whole": whole}.items():
        p95 = sorted(times)[int(0.95 * len(times))]
        table.add_row(name, ms(statistics.median(times)), ms(p95), f"{statistics.median(times) / base:.2f}")
    return table


def one_by_one(model: LlamaCppModel, prompt: str, tokens: int) -> float:
    """Seconds in which llama.cpp decodes so many tokens, one a call, after a prompt that it has read."""
    ids = model.encode(prompt)
    model.sequences.reserve(len(ids) + tokens, len(ids))
    model.sequences.read_prefix(ids)
    start = time.perf_counter()
    for i in range(tokens):
        model.sequences._decode([(ids[-1], len(ids) + i, 0, True)])
    return time.perf_counter() - start


OURS = """
import sys, time
from pathlib import Path
import llama_cpp, sqlalchemy, t2q.databases.neo4j, t2q.databases.sql, t2q.languages.sql
from t2q.answering.asker import Asker
start = time.perf_counter()
with Asker.open(Path(sys.argv[1])) as asker:
    asker.ask(sys.argv[2])
    print(time.perf_counter() - start)
"""
PLAIN = """
import sys, time
from llama_cpp import Llama
start = time.perf_counter()
model = Llama(sys.argv[1], n_ctx=2048, verbose=False)
model.create_completion(sys.argv[2], max_tokens=256, temperature=0)
print(time.perf_counter() - start)
"""


def restart(run: Path, questions: list[str]) -> Table:
    prompts = prompts_of(run, questions)
    ways: dict[str, Callable[[int], float]] = {
        "llama-cpp-python, full prompt": lambda i: child(PLAIN, str(file_of(run)), prompts[i]),
        "t2q": lambda i: child(OURS, str(run), questions[i]),
    }
    child(OURS, str(run), questions[0])  # keeps the beginning of the prompts
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for i in range(min(5, len(questions))):
        for way, ask in ways.items():
            seconds[way].append(ask(i))
    table = Table("first answer of a process, imports aside", "median", "times as fast")
    plain = seconds["llama-cpp-python, full prompt"]
    for way, times in seconds.items():
        ratio = statistics.median(a / b for a, b in zip(plain, times, strict=True))
        table.add_row(way, ms(statistics.median(times)), f"{ratio:.2f}")
    return table


def child(script: str, *words: str) -> float:
    done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def guide(run: Path, questions: list[str]) -> Table:
    prompts = prompts_of(run, questions)
    ways = {"free": None, "guided": Guide(Prepared.load(run / "prepare").only.schema).begin}
    table = Table("tokens a second", "free", "guided", "guided to free")
    with LlamaCppModel(file_of(run)) as model:
        model.generate(prompts[:2])
        for title, batches in {
            "one answer at a time": [[prompt] for prompt in prompts],
            "sixteen at once": [prompts],
        }.items():
            tokens, seconds = dict.fromkeys(ways, 0), dict.fromkeys(ways, 0.0)
            for batch in batches:
                times: dict[str, list[float]] = {way: [] for way in ways}
                for way in [*ways] * 5:
                    start = time.perf_counter()
                    found = model.generate(batch, guide=ways[way])
                    times[way].append(time.perf_counter() - start)
                    if len(times[way]) == 1:
                        tokens[way] += sum(one.tokens for one in found)
                for way in ways:
                    seconds[way] += min(times[way])  # what the machine does beside it comes on top
            free, guided = (tokens[way] / seconds[way] for way in ways)
            table.add_row(title, f"{free:.0f}", f"{guided:.0f}", f"{guided / free:.3f}")
    return table


def file_of(run: Path) -> Path:
    """The file that answers."""
    return min((run / "quantize").glob("*.gguf"), key=lambda path: path.stat().st_size)


def prompts_of(run: Path, questions: list[str]) -> list[str]:
    prepared = Prepared.load(run / "prepare")
    return [render(prepared.only.text, question, prepared.style) for question in questions]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--questions", type=int, default=60)
    parser.add_argument("--only", default=",".join(PARTS))
    options = parser.parse_args()
    run, console = options.run.resolve(), Console()
    prepared = Prepared.load(run / "prepare")
    questions = [pair.question for pair in prepared.pairs("test")][: options.questions]
    with LlamaCppModel(file_of(run)) as model:
        size = len(model.encode(prepared.only.text))
        console.print(f"{file_of(run)}, a schema of {size} tokens, {os.cpu_count()} cores")
    parts: dict[str, Callable[[], Table]] = {
        "warm": lambda: warm(run, questions),
        "restart": lambda: restart(run, questions),
        "guide": lambda: guide(run, questions[:48]),
    }
    for part in options.only.split(","):
        console.print(parts[part]())


if __name__ == "__main__":
    main()
