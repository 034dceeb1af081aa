"""A small run of a shipped recipe in a folder of its own, as a user has it: for the tests of whole runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
SMALL = {
    "pairs": {"train": 40, "validation": 8, "test": 12, "unanswerable": 0.25},
    "train": {
        "epochs": 2,
        "batch_size": 8,
        "learning_rate": 2.5e-3,
        "lora": {"r": 4, "alpha": 8},
        "precision": "32-true",
    },
    "limits": {"hf": 0.2, "f16": 0.2, "q8_0": 0.2, "q4_k_m": 0.2},  # one question of twelve is eight points
}
ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1"}  # so that two at once are no slower than one
STEPS = ["base", "tuned", "hf", "gguf-f16", "gguf-q8_0", "gguf-q4_k_m"]


def small_recipe(language: str, place: Path) -> Path:
    """recipes/LANGUAGE.yaml with few questions, in `place`, where pico and the shop's data can be found as well."""
    recipe = yaml.safe_load((ROOT / "recipes" / f"{language}.yaml").read_text(encoding="utf-8")) | SMALL
    recipe["profiles"] = {"cpu": {"base": "t2q/pico-small"}}
    path = place / f"{language}.yaml"
    path.write_text(yaml.safe_dump(recipe), encoding="utf-8")
    for name in ("checkpoints", "data"):
        if not (place / name).exists():
            (place / name).symlink_to(ROOT / name)
    return path


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "t2q", *words]


def t2q(place: Path, *words: str) -> str:
    """Runs t2q there. Returns its output, both streams; fails with it where t2q does."""
    done = subprocess.run(
        command(*words), cwd=place, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=ONE_THREAD
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def report(run: Path) -> dict[str, Any]:
    """report.json without what differs from run to run."""
    data: dict[str, Any] = json.loads((run / "report.json").read_text(encoding="utf-8"))
    data.pop("made")
    for step in data["steps"].values():
        step.pop("answers_per_second")
    for way in data["guidance"].values():
        way.pop("tokens_per_second", None)
    return data
