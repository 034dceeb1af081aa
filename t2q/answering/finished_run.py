"""A finished run, opened to be asked: the file that answers, its database, and what was found out about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from t2q.answering.confidence import CONFIDENCE, Confidence
from t2q.data.pairs import answer_text
from t2q.databases import Database, open_database
from t2q.errors import T2QError
from t2q.manifest import Manifest
from t2q.models import Model
from t2q.models.kept_prefix import KeptPrefix
from t2q.models.llama_cpp_model import LlamaCppModel
from t2q.models.prefix import common_length
from t2q.models.writers import Continuous, Writer
from t2q.prepared import Prepared, Shown, database_url
from t2q.prompt import PromptStyle, render

CACHE = ".cache"  # in the run's folder
GUESSED_FROM = 5000  # queries


@dataclass(frozen=True)
class FinishedRun:
    """`name` is the run's, `model_digest` the SHA-256 of the file that answers; `confidence` is None where the run was
    not evaluated with it."""

    model: Model
    database: Database
    shown: Shown
    style: PromptStyle
    name: str
    model_digest: str
    writer: Writer
    confidence: Confidence | None


def open_run(run: Path, threshold: float | None = None) -> FinishedRun:
    """The smallest GGUF of a run, with its database. `threshold`: the confidence from which on answers are given, in
    0..1, instead of the one that the run found. Raises T2QError where the run is not finished."""
    files = sorted((run / "quantize").glob("*.gguf"), key=lambda p: p.stat().st_size)
    files += (run / "gguf").glob("*.gguf")
    if not run.is_dir():
        raise T2QError(f"there is no run in {run}: make one with `t2q run RECIPE`, or name another")
    if not files:
        raise T2QError(f"the run in {run} has no model yet: finish it with `t2q run RECIPE`")
    url = database_url(run)
    prepared = Prepared.load(run / "prepare")
    shown = prepared.only
    confidence = _confidence(run / "evaluate" / CONFIDENCE, files[0])
    if threshold is not None:
        confidence = _with_threshold(confidence, threshold, run)
    model, digest = LlamaCppModel(files[0]), _digest(files[0])
    writer = Continuous(  # begins to make room and to read while the database is opened
        model,
        prefix=_beginning(model, shown, prepared.style),
        kept=KeptPrefix(run / CACHE, digest),
        answers=lambda: _answers(model, prepared),
    )
    try:
        database = open_database(url)
    except BaseException:
        writer.close()
        model.close()
        raise
    return FinishedRun(model, database, shown, prepared.style, run.resolve().name, digest, writer, confidence)


def _digest(file: Path) -> str:
    manifest = Manifest.read(file.parent)
    return manifest.files.get(file.name, {}).get("sha256", "") if manifest else ""


def _confidence(path: Path, file: Path) -> Confidence | None:
    """What was found for the file that answers; None where the run has not been evaluated with it."""
    try:
        confidence = Confidence.read(path)
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise T2QError(f"{error}: make it again with `t2q run RECIPE --from evaluate`") from None
    return confidence if file.stem == confidence.step.replace("gguf-", "model-") else None


def _with_threshold(confidence: Confidence | None, threshold: float, run: Path) -> Confidence:
    if not 0 <= threshold <= 1:
        raise T2QError(f"a threshold of {threshold:g} is none: it must lie between 0 and 1")
    if confidence is None:
        raise T2QError(
            f"a threshold wants to know how sure an answer is, and {run} has not been evaluated with the file that "
            "answers: finish it with `t2q run RECIPE`"
        )
    return replace(confidence, threshold=threshold)


def _beginning(model: LlamaCppModel, shown: Shown, style: PromptStyle) -> list[int]:
    """The tokens that the prompts of all questions begin with."""
    one, other = (model.encode(render(shown.text, question, style)) for question in ("How many", "which"))
    return one[: common_length(one, other)]


def _answers(model: LlamaCppModel, prepared: Prepared) -> Iterator[list[int]]:
    """Queries of the training as the model writes them, end token included: enough to guess others from."""
    before = model.encode("\n")
    for pair in prepared.pairs("train")[:GUESSED_FROM]:
        yield [*model.encode(f"\n{answer_text(pair)}")[len(before) :], model.file.end_id]
