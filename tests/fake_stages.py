"""Seven tiny stages for the engine's tests; run as a script, `t2q` with these stages.

FAKE_PAUSE=STAGE stops that stage half-way (a file `paused` in the run's folder says that it is there).
FAKE_FAIL=STAGE:HOW ends it as FAILURES says, or with an artifact that fell short.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import t2q.stages
from t2q.child import run_child
from t2q.stages import StageContext

FAKE = tuple(
    replace(s, run=f"{__name__}:work", tools=("pyyaml",), fingerprints=s.fingerprints if s.name == "prepare" else ())
    for s in t2q.stages.STAGES
)
SUICIDE = [sys.executable, "-c", "import os; print('last words', flush=True); os.kill(os.getpid(), 9)"]
FILLING = [  # the disk, as a child that says no word of why it failed
    sys.executable,
    "-c",
    "import sys; sys.excepthook = lambda *_: None; f = open('filler', 'ab', 0)\nwhile True: f.write(b'x' * 4096)",
]


def _fail(text: str) -> None:
    raise RuntimeError(text)


FAILURES: dict[str, Callable[[Path], object]] = {
    "memory": lambda _: bytearray(1 << 62),
    "bug": lambda _: dict[str, str]()["missing"],
    "full": lambda _: Path("/dev/full").write_text("x"),
    "child": lambda folder: run_child(SUICIDE, "the child", folder / "child.log", print),
    "child_fills": lambda folder: run_child(FILLING, "the child", folder / "child.log", print),
    "driver": lambda _: _fail(f"cannot connect to server://me:{os.environ['T2Q_DB_PASSWORD']}@host"),
    "check_call": lambda _: subprocess.check_call(SUICIDE),
}


def work(ctx: StageContext) -> dict[str, Any]:
    """Writes a file made from the recipe and the inputs, and what evaluate publishes."""
    name = ctx.out.name.split("-")[1]
    tries = ctx.scratch / "tries"
    tries.write_text(tries.read_text() + "x" if tries.is_file() else "x")
    parts = [f"{name} {ctx.seed} {ctx.recipe.train.epochs} {ctx.recipe.gguf}"]
    parts += [(folder / "deep" / "made.txt").read_text() for folder in ctx.inputs.values()]
    (ctx.out / "deep").mkdir()
    (ctx.out / "deep" / "made.txt").write_text("half")
    if os.environ.get("FAKE_PAUSE") == name:
        (ctx.run_dir / "paused").touch()
        time.sleep(240)
    stage, _, how = os.environ.get("FAKE_FAIL", "").partition(":")
    if stage == name and how != "short":
        FAILURES[how](ctx.run_dir)
    with ctx.progress.task(name, total=2) as task:
        task.advance(1, note="loss 0.5")
        task.advance(1)
    (ctx.out / "deep" / "made.txt").write_text("\n".join(parts))
    if name == "evaluate":
        scores = {"execution_accuracy": 0.875, "executable": 1.0}
        report: dict[str, Any] = {
            "name": ctx.recipe.name,
            "language": "sql",
            "base": ctx.recipe.base,
            "profile": ctx.recipe.profile,
        }
        report |= {"n_answerable": 8, "n_unanswerable": 2, "steps": {"base": {}, "tuned": scores}}
        (ctx.out / "report.json").write_text(json.dumps(report))
        (ctx.out / "report.html").write_text("<html>")
    facts: dict[str, Any] = {"tries": len(tries.read_text())}
    return facts | ({"error": "q4_k_m lost 0.030, more than 0.020"} if stage == name and how == "short" else {})


if __name__ == "__main__":
    t2q.stages.STAGES = FAKE
    from t2q.cli import main

    main()
