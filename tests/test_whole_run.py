"""The shipped recipes through every real stage, in the small, with the shipped base."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.whole_run import ONE_THREAD, STEPS, command, report, small_recipe, t2q

pytestmark = pytest.mark.timeout(600)
KEYS = [
    *("question", "query", "columns", "rows", "truncated", "abstained", "reason", "kind", "words", "confidence"),
    *("written", "refuted", "seconds"),
]
LITGPT = """
import litgpt.finetune.lora as lora
from litgpt.__main__ import main
from t2q.training.lora_model import start_adapters

def mark(model, bias="none", plain=lora.mark_only_lora_as_trainable):
    start_adapters(model, 7)
    plain(model, bias)

lora.mark_only_lora_as_trainable = mark
import sys
sys.argv[1:1] = ["finetune_lora"]
main()
"""
QUESTION = "How many customers are there?"


@pytest.fixture(scope="module", params=["sql", pytest.param("cypher", marks=pytest.mark.slow)])
def finished(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run."""
    place = tmp_path_factory.mktemp(request.param)
    output = t2q(place, "run", str(small_recipe(request.param, place)))
    assert output.startswith("profile cpu")
    return place / "runs" / f"shop-{request.param}"


def test_the_report_has_every_step(finished: Path) -> None:
    data = report(finished)
    assert list(data["steps"]) == STEPS
    assert (data["n_answerable"], data["profile"], data["base"]) == (12, "cpu", "t2q/pico-small")
    assert data["n_unanswerable"] >= 1
    for values in data["steps"].values():
        assert {"execution_accuracy", "executable", "exact_match", "token_match", "google_bleu"} <= values.keys()
        assert {"declined_unanswerable", "declined_answerable"} <= values.keys()
    assert data["steps"]["hf"]["execution_accuracy"] == data["steps"]["tuned"]["execution_accuracy"]
    guidance = data["guidance"]
    assert list(guidance) == ["free", "guided", "searched"]
    assert all(figures["questions"] == 12 + data["n_unanswerable"] for figures in guidance.values())
    assert guidance["guided"]["invalid"] <= guidance["free"]["invalid"]
    page = (finished / "report.html").read_text(encoding="utf-8")
    assert "<script src=" not in page and "http://" not in page.replace("http://www.w3.org", "")


def test_each_prediction_is_kept_with_the_reason_of_its_failure(finished: Path) -> None:
    for step in STEPS:
        lines = (finished / "evaluate" / "predictions" / f"{step}.jsonl").read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
        assert len(rows) == sum(report(finished)[n] for n in ("n_answerable", "n_unanswerable"))
        assert all(row["correct"] or row["reason"] for row in rows)


def test_training_went_through_litgpt_and_learnt(finished: Path) -> None:
    entries = [json.loads(line) for line in (finished / "train" / "losses.jsonl").read_text().splitlines()]
    losses = [entry["loss"] for entry in entries if "loss" in entry]
    assert sum(losses[-4:]) < 0.8 * sum(losses[:4])  # epochs on the same questions; those of the validation are too few
    assert any(entry.get("validation") for entry in entries)
    assert (finished / "train" / "final" / "lit_model.pth.lora").is_file()
    assert (finished / "train" / "litgpt.yaml").is_file()


def test_a_second_run_does_nothing(finished: Path) -> None:
    recipe = finished.parents[1] / f"{finished.name.removeprefix('shop-')}.yaml"
    before = {p: p.stat().st_mtime_ns for p in finished.glob("*/manifest.json")}
    output = t2q(finished.parents[1], "run", str(recipe))
    assert output.count("up to date") == 7 == len(before)
    assert before == {p: p.stat().st_mtime_ns for p in finished.glob("*/manifest.json")}


def test_ask_prints_one_object_wherever_it_is_asked(finished: Path, tmp_path: Path) -> None:
    answer = json.loads(t2q(tmp_path, "ask", *QUESTION.split(), "--run", str(finished), "--json"))
    assert list(answer) == KEYS
    assert answer["question"] == QUESTION
    assert answer["abstained"] == bool(answer["reason"])
    assert answer["abstained"] or answer["rows"]


def test_a_threshold_takes_the_place_of_the_one_that_was_found(finished: Path, tmp_path: Path) -> None:
    asked = ("ask", QUESTION, "--run", str(finished), "--no-log")
    held = t2q(tmp_path, *asked, "--threshold", "1")
    query, reason, hint = held.splitlines()
    assert query.startswith(("SELECT", "MATCH")) and re.search(r"only \d+ % sure .* from 100 % on", reason)
    given = json.loads(t2q(tmp_path, *asked, "--json", *hint.split()[-2:]))
    assert (given["query"], given["abstained"], bool(given["rows"])) == (query, False, True)


def test_a_pipe_of_questions_is_answered_one_by_one_each_under_its_question(finished: Path) -> None:
    asked = [QUESTION, "What is the weather like?"]
    run = subprocess.run(
        command("ask", "--run", str(finished)), input="\n\n".join(asked), capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert [line.removeprefix("? ") for line in run.stdout.splitlines() if line.startswith("? ")] == asked


@pytest.mark.slow
def test_plain_litgpt_repeats_the_training(finished: Path, tmp_path: Path) -> None:
    """The same steps by LitGPT's own loop, when its adapters are drawn from the seed as ours are."""
    if finished.name != "shop-sql":
        pytest.skip("one training tells")
    config, again = finished / "train" / "litgpt.yaml", tmp_path / "again"
    litgpt = [sys.executable, "-c", LITGPT, "--config", str(config), "--out_dir", str(again)]
    done = subprocess.run(litgpt, cwd=finished.parents[1], capture_output=True, text=True, env=ONE_THREAD)
    assert done.returncode == 0, done.stderr
    first, second = (torch.load(f / "lit_model.pth.lora") for f in (finished / "train" / "final", again / "final"))
    assert first["model"].keys() == second["model"].keys()
    for name, weight in first["model"].items():
        torch.testing.assert_close(second["model"][name], weight, rtol=0, atol=2e-4)
