"""The recipes that repeat what others have published: only a GPU and the weights stand in the way of the real run, and
the rehearsal on a CPU goes through."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import constants

from t2q import check, hardware
from t2q.check import AT_ONCE, Known, findings
from t2q.recipe import Recipe
from tests.whole_run import ROOT, STEPS, report, t2q

SEEDS = sorted((ROOT / "recipes" / "seeds").glob("*.yaml"))
SMALL = [
    *("base=t2q/pico-small", "pairs.train=24", "pairs.validation=8", "pairs.test=2", "train.batch_size=4"),
    *("train.epochs=2", "train.precision=32-true", "limits={hf: 0.3, f16: 0.3, q8_0: 0.3, q4_k_m: 0.3}"),
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("checkpoints", "data"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("path", SEEDS, ids=lambda p: p.stem)
def test_only_weights_and_a_gpu_are_in_the_way(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (check, hardware):
        monkeypatch.setattr(module, "nvidia_gpu", lambda: None)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    recipe = Recipe.load(path, "gpu")
    wrong = {name: finding.text for name, finding in findings(Known(recipe)) if not finding.ok}
    assert f"run `litgpt download {recipe.base}` where there is a network" in wrong.pop("base")
    assert set(wrong) == ({"device"} if recipe.train.quantize else set())
    assert all(finding.ok for _, finding in findings(Known(Recipe.load(path, "cpu")), AT_ONCE))


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("path", SEEDS, ids=lambda p: p.stem)
def test_the_rehearsal_goes_through(path: Path, folder: Path) -> None:
    settings = [word for setting in SMALL for word in ("--set", setting)]
    t2q(folder, "run", str(path), "--profile", "cpu", *settings)
    run = folder / "runs" / path.stem
    assert list(report(run)["steps"]) == STEPS
    begins = {"alpaca": "### Instruction:", "neo4j": "Generate Cypher statement", "t2q": "Question: "}
    begins_with = begins[Recipe.load(path, "cpu").prompt]
    for carries_it in ("hf/chat_template.jinja", "gguf/Modelfile", "quantize/Modelfile"):
        assert begins_with in (run / carries_it).read_text(encoding="utf-8")
    assert '"abstained"' in t2q(folder, "ask", "How many customers are there?", "--run", str(run), "--json")
