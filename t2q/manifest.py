"""What a stage's artifact was made from, and what it holds: keys, manifests, and why a stage must run again."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import t2q
from t2q.fingerprint import file_digest
from t2q.prompt import PROMPT_DIGEST
from t2q.recipe import Recipe
from t2q.stages import Stage

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Ingredients:
    """All that decides a stage's result. `outside` is what its fingerprint function says."""

    stage: str
    recipe: dict[str, Any]
    inputs: dict[str, str]
    versions: dict[str, str]
    outside: dict[str, Any]

    @property
    def key(self) -> str:
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


@functools.cache
def version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def gather(stage: Stage, recipe: Recipe, inputs: Mapping[str, str], outside: Mapping[str, Any]) -> Ingredients:
    """`inputs` are the digests of the input artifacts."""
    versions = {tool: version(tool) for tool in stage.tools}
    return Ingredients(
        stage=stage.name,
        recipe=recipe.part(stage.recipe_keys),
        inputs=dict(inputs),
        versions={**versions, "t2q": t2q.__version__, "prompt": PROMPT_DIGEST},
        outside=dict(outside),
    )


@dataclass(frozen=True)
class Manifest:
    """manifest.json of an artifact; the ingredients stand in it at the top level.

    Times are ISO 8601 in UTC, `files` maps a path in the artifact to size and SHA-256, `digest` is the SHA-256 over
    them, `facts` is what the stage said about itself.
    """

    stage: str
    key: str
    ingredients: Ingredients
    seed: int
    profile: str
    device: str
    started: str
    finished: str
    wall_seconds: float
    peak_memory_bytes: int
    digest: str
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> Manifest | None:
        """None where there is none that this version can read."""
        try:
            data = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
            parts = {f.name: data.pop(f.name) for f in fields(Ingredients) if f.name != "stage"}
            return cls(**data, ingredients=Ingredients(stage=data["stage"], **parts))
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def write(self, folder: Path) -> None:
        data = asdict(self)
        data |= data.pop("ingredients")
        text = json.dumps(data, indent=1, ensure_ascii=False, default=str)
        (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def describe_files(folder: Path) -> dict[str, dict[str, Any]]:
    """Size and SHA-256 of every file of an artifact."""
    paths = sorted(p for p in folder.rglob("*") if p.is_file() and p != folder / MANIFEST)
    return {p.relative_to(folder).as_posix(): {"bytes": p.stat().st_size, "sha256": file_digest(p)} for p in paths}


def digest(files: Mapping[str, Mapping[str, Any]]) -> str:
    return hashlib.sha256(json.dumps({n: f["sha256"] for n, f in files.items()}, sort_keys=True).encode()).hexdigest()


def stale(manifest: Manifest | None, folder: Path, now: Ingredients) -> list[str]:
    """Why the artifact in a folder cannot stand for these ingredients; empty where it can."""
    if manifest is None:
        return ["not there yet"]
    reasons = _damage(manifest, folder)
    if manifest.key != now.key:
        then = manifest.ingredients
        reasons += [f"recipe: {line}" for line in _changes(then.recipe, now.recipe)]
        reasons += [f"input {n} changed" for n in now.inputs if then.inputs.get(n) != now.inputs[n]]
        reasons += _changes(then.versions, now.versions, verb="")
        reasons += [f"{n} changed" for n in now.outside if then.outside.get(n) != now.outside[n]]
        reasons += [f"{n} no longer there" for n in then.outside if n not in now.outside]
        reasons = reasons or ["made by another version of t2q"]
    return reasons


def _damage(manifest: Manifest, folder: Path) -> list[str]:
    for name, facts in manifest.files.items():
        path = folder / name
        if not path.is_file():
            return [f"{path} is missing"]
        if path.stat().st_size != facts["bytes"]:
            return [f"{path} was changed"]
    return []


def _changes(then: Mapping[str, Any], now: Mapping[str, Any], verb: str = "changed ") -> list[str]:
    before = {n: _show(then[n]) if n in then else "not set" for n in now}
    return [f"{n} {verb}{before[n]} → {_show(now[n])}" for n in now if before[n] != _show(now[n])]


def _show(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
