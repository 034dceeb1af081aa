"""The stages of a run, in order. What a stage is, and what it is given, is said here; each has a file of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from t2q.progress import Progress
    from t2q.recipe import Recipe


@dataclass(frozen=True)
class Stage:
    """One step of a run. What is named here makes the key of its artifact, beside the prompt and t2q's version.

    inputs: stages whose artifacts it reads. recipe_keys: dotted keys of the recipe that it reads. tools: installed
    distributions whose version changes its result. run, fingerprints: "module:function"; a fingerprint takes the
    recipe and returns plain facts about what lies outside the run (a database's content, a base's weights); it must
    not import torch. publish: files of the artifact that also appear in the run's folder itself.
    """

    name: str
    inputs: tuple[str, ...]
    recipe_keys: tuple[str, ...]
    tools: tuple[str, ...]
    run: str
    fingerprints: tuple[str, ...] = ()
    publish: tuple[str, ...] = ()


@dataclass(frozen=True)
class StageContext:
    """What a stage function `run(ctx) -> dict | None` is given. What it returns is added to the manifest's facts.

    A stage writes its artifact into `out`, an empty folder that becomes runs/NAME/STAGE when the function returns.
    An `error` among the returned facts fails the run with that line, but keeps the artifact (for a report that shows
    what fell short). `scratch` is kept between attempts at the same key, so that an interrupted stage may go on where
    it was, and removed when the stage is done. `log` writes a line to runs/NAME/run.log and shows it.
    """

    recipe: Recipe
    run_dir: Path
    out: Path
    inputs: dict[str, Path]
    scratch: Path
    seed: int
    progress: Progress
    log: Callable[[str], None]


STAGES: tuple[Stage, ...] = (
    Stage(
        name="prepare",
        inputs=(),
        recipe_keys=("database", "seed", "pairs", "prompt"),
        tools=("sqlglot", "sqlparse", "sqlalchemy", "neo4j", "arcadedb-embedded"),
        run="t2q.stages.prepare:run",
        fingerprints=(
            "t2q.fingerprint:database",
            "t2q.fingerprint:files",
            "t2q.fingerprint:promoted",
            "t2q.fingerprint:questions",
        ),
    ),
    Stage(
        name="train",
        inputs=("prepare",),
        recipe_keys=("base", "seed", "train", "prompt"),
        tools=("litgpt", "lightning", "torch", "bitsandbytes"),
        run="t2q.stages.train:run",
        fingerprints=("t2q.fingerprint:base",),
    ),
    Stage(
        name="merge",
        inputs=("prepare", "train"),
        recipe_keys=("base", "merge", "prompt"),
        tools=("litgpt", "torch", "bitsandbytes"),
        run="t2q.stages.merge:run",
    ),
    Stage(
        name="hf",
        inputs=("prepare", "merge"),
        recipe_keys=(),
        tools=("litgpt", "torch", "transformers", "safetensors"),
        run="t2q.stages.hf:run",
    ),
    Stage(
        name="gguf",
        inputs=("prepare", "hf"),
        recipe_keys=("name", "base"),
        tools=("gguf", "llama-cpp-python"),
        run="t2q.stages.gguf:run",
    ),
    Stage(
        name="quantize",
        inputs=("prepare", "hf", "gguf"),
        recipe_keys=("gguf",),
        tools=("gguf", "llama-cpp-python", "torch", "transformers"),
        run="t2q.stages.quantize:run",
    ),
    Stage(
        name="evaluate",
        inputs=("prepare", "train", "merge", "hf", "gguf", "quantize"),
        recipe_keys=("name", "database", "base", "gguf", "limits", "abstain"),
        tools=("litgpt", "torch", "transformers", "llama-cpp-python", "sqlglot", "sqlparse"),
        run="t2q.stages.evaluate:run",
        fingerprints=("t2q.fingerprint:database",),
        publish=("report.json", "report.html"),
    ),
)
