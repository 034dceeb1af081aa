"""evaluate: the same frozen questions to the base, the tuned weights, the HF folder and each GGUF, by executing.

The artifact: report.json, report.html, predictions/STEP.jsonl (a line a question, with the reason for every failure),
confidence.json (how sure one may be of an answer, from the validation questions; see `answering/confidence.py`).
A step that loses more execution accuracy against the tuned weights than the recipe allows fails the run; the report of
such a run is kept.
"""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

from t2q.answering.confidence import CONFIDENCE, Confidence
from t2q.answering.unsaid import Carried
from t2q.bases import litgpt_checkpoint
from t2q.evaluation.abstention import calibrate, confidences, figures
from t2q.evaluation.examination import Answered, Examination
from t2q.evaluation.guidance import COMPARED, with_and_without
from t2q.evaluation.predictions import Prediction, write_predictions
from t2q.evaluation.report import write_report
from t2q.evaluation.scores import by_intent, scores
from t2q.manifest import Manifest
from t2q.models import open_model
from t2q.prepared import Prepared
from t2q.recipe import Recipe
from t2q.stages import StageContext


def run(ctx: StageContext) -> dict[str, Any]:
    """Asks and judges. Raises StageError where a gold query fails; returns an error where a step lost too much."""
    prepared = Prepared.load(ctx.inputs["prepare"])
    pairs, tried = prepared.pairs("test"), prepared.pairs("validation")
    models = model_paths(ctx)
    (ctx.out / "predictions").mkdir()
    steps: dict[str, dict[str, Any]] = {}
    intents: dict[str, dict[str, list[int]]] = {}
    abstention: dict[str, Any] = {}
    guidance: dict[str, Any] = {}
    asked = len(models) * len(pairs) + len(tried) + 2 * min(len(pairs), COMPARED)
    with ExitStack() as opened, ctx.progress.task("evaluating", total=asked) as task:
        test, validation = (
            Examination(prepared, split, ctx.recipe.database, opened, task.advance) for split in ("test", "validation")
        )
        for step, path in models.items():
            confidence: Confidence | None = None
            with open_model(path) as model:
                if step == shipped(models):
                    carried = Carried.learn(prepared.pairs("train"))
                    confidence = calibrate(validation.ask(model, step), carried, ctx.recipe.abstain.precision, step)
                    confidence.write(ctx.out / CONFIDENCE)
                start = time.perf_counter()
                answered = test.ask(model, step)
                seconds = time.perf_counter() - start
                predictions = list(_judged(answered, confidence))
                if confidence:
                    abstention = figures(predictions, confidence)
                    guidance = with_and_without(test, model, step, predictions)
            write_predictions(ctx.out / "predictions" / f"{step}.jsonl", predictions)
            steps[step] = scores(predictions) | {"answers_per_second": round(len(pairs) / seconds, 1)}
            intents[step] = by_intent(predictions)
    answerable = sum(p.answerable for p in pairs)
    report = _report(ctx, steps, intents, answerable, len(pairs) - answerable)
    report |= {"abstention": abstention, "guidance": guidance}
    (ctx.out / "report.json").write_text(json.dumps(report, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    shutil.copyfile(ctx.inputs["train"] / "losses.jsonl", ctx.out / "losses.jsonl")
    write_report(ctx.out)
    lost = losses(steps, ctx.recipe, answerable)
    return {"steps": {step: s["execution_accuracy"] for step, s in steps.items()}} | ({"error": lost} if lost else {})


def _judged(answered: list[Answered], confidence: Confidence | None) -> Iterator[Prediction]:
    """The verdicts, numbered through; with the confidence in each where there is one."""
    numbers = count()
    for judge, completions in answered:
        sure = confidences(judge, completions, confidence) if confidence else [None] * len(completions)
        for i, completion in enumerate(completions):
            yield replace(judge.judge(i, completion), id=next(numbers), confidence=sure[i])


def model_paths(ctx: StageContext) -> dict[str, Path]:
    """Every model to ask, by the name of its step."""
    paths = {
        "base": litgpt_checkpoint(ctx.recipe.base),
        "tuned": ctx.inputs["merge"],
        "hf": ctx.inputs["hf"],
        "gguf-f16": ctx.inputs["gguf"] / "model-f16.gguf",
    }
    return paths | {f"gguf-{kind}": ctx.inputs["quantize"] / f"model-{kind}.gguf" for kind in ctx.recipe.gguf}


def shipped(models: Mapping[str, Path]) -> str:
    """The step that a finished run answers with: the smallest GGUF, "" where there is none."""
    files = {step: path.stat().st_size for step, path in models.items() if path.suffix == ".gguf"}
    return min(files, key=files.__getitem__, default="")


def losses(steps: dict[str, dict[str, Any]], recipe: Recipe, questions: int) -> str:
    """The steps that lost more than the recipe's limits, in words; "" where none did.

    One question of the `questions` that have an answer may always turn wrong: fewer than one is what no test can tell.
    """
    tuned = steps["tuned"]["execution_accuracy"]
    if tuned is None:
        return ""
    limits = recipe.limits.model_dump()
    found = []
    for step, values in steps.items():
        limit = limits.get(step.removeprefix("gguf-"))
        lost = tuned - values["execution_accuracy"]
        if limit is not None and round(lost * questions) > max(1, math.floor(limit * questions + 1e-9)):
            found.append(
                f"{step} lost {100 * lost:.1f} points of execution accuracy, {round(lost * questions)} of {questions} "
                f"questions (limits.{step.removeprefix('gguf-')} allows {100 * limit:.1f} points)"
            )
    return "; ".join(found)


def _parity(ctx: StageContext) -> dict[str, dict[str, Any]]:
    """What the conversions measured of their logits against the step before, by step."""
    facts = {name: Manifest.read(ctx.inputs[name]) for name in ("merge", "hf", "gguf", "quantize")}
    found = {name: manifest.facts.get("parity", {}) if manifest else {} for name, manifest in facts.items()}
    by_step = {"tuned": found["merge"], "hf": found["hf"], "gguf-f16": found["gguf"]} | {
        f"gguf-{k}": v for k, v in found["quantize"].items()
    }
    return {
        step: {
            "max_abs_logit_difference": figures["max_difference"],
            "mean_kl": figures["mean_kl"],
            "argmax_agreement": figures["agreement"],
        }
        for step, figures in by_step.items()
        if figures
    }


def _merge(ctx: StageContext) -> dict[str, Any]:
    """After a quantised training: the base that was merged into, and the validation losses where both were tried."""
    manifest = Manifest.read(ctx.inputs["merge"])
    facts = manifest.facts if manifest else {}
    return {name: facts[key] for name, key in (("onto", "onto"), ("losses", "validation loss")) if key in facts}


def _report(
    ctx: StageContext,
    steps: dict[str, dict[str, Any]],
    intents: dict[str, dict[str, list[int]]],
    answerable: int,
    unanswerable: int,
) -> dict[str, Any]:
    return {
        "name": ctx.recipe.name,
        "language": ctx.recipe.language,
        "base": ctx.recipe.base,
        "profile": ctx.recipe.profile,
        "database": ctx.recipe.database,
        "made": date.today().isoformat(),
        "n_answerable": answerable,
        "n_unanswerable": unanswerable,
        "steps": steps,
        "by_intent": intents,
        "parity": _parity(ctx),
        "merge": _merge(ctx),
        "limits": ctx.recipe.limits.model_dump(),
    }
