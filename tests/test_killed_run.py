"""SIGKILL in the middle of every real stage: the next run goes on and ends in the same report. `pytest -m slow`."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from t2q.stages import STAGES
from tests.whole_run import ONE_THREAD, command, report, small_recipe, t2q

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]


def kill_in(stage: str, place: Path, recipe: Path, run: Path) -> None:
    """Starts the run and kills it, and nothing but it, as soon as the stage has begun to write."""
    child = subprocess.Popen(
        command("run", str(recipe)), cwd=place, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ONE_THREAD
    )
    deadline = time.monotonic() + 300
    while not list(run.glob(f".tmp-{stage}-*/*")):
        assert child.poll() is None and time.monotonic() < deadline, f"{stage} was never seen at work"
        time.sleep(0.005)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert not (run / stage).exists()


@pytest.mark.parametrize("language", ["sql", "cypher"])
def test_killed_in_every_stage_and_resumed(language: str, tmp_path: Path) -> None:
    places = [tmp_path / name for name in ("whole", "killed")]
    for place in places:
        place.mkdir()
    recipes = [small_recipe(language, place) for place in places]
    whole, killed = (place / "runs" / f"shop-{language}" for place in places)
    t2q(places[0], "run", str(recipes[0]))
    for stage in STAGES:
        kill_in(stage.name, places[1], recipes[1], killed)
        done = [s.name for s in STAGES if (killed / s.name / "manifest.json").is_file()]
        assert done == [s.name for s in STAGES][: len(done)]
    t2q(places[1], "run", str(recipes[1]))
    assert report(killed) == report(whole)
    for stage in STAGES:
        assert (killed / stage.name / "manifest.json").is_file()
    assert not list(killed.glob(".tmp-*"))
