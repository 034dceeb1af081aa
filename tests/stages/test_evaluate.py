"""The gate on what a step may lose. Real evaluations are in test_whole_run."""

from __future__ import annotations

from pathlib import Path

from t2q.recipe import Recipe
from t2q.stages.evaluate import losses


def test_steps_that_lost_too_much_are_named_with_what_they_lost(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("name: x\ndatabase: sqlite:///x.sqlite\nlimits: {q8_0: 0.01, q4_k_m: 0.02}\n")
    recipe = Recipe.load(path)

    def steps(**accuracy: float) -> dict[str, dict[str, float]]:
        return {name.replace("gguf_", "gguf-"): {"execution_accuracy": a} for name, a in accuracy.items()}

    assert losses(steps(base=0.1, tuned=0.9, hf=0.9, gguf_q8_0=0.89, gguf_q4_k_m=0.88), recipe) == ""
    assert losses(steps(base=0.1, tuned=0.9, hf=0.9, gguf_q8_0=0.95, gguf_q4_k_m=0.87), recipe) == (
        "gguf-q4_k_m lost 3.0 points of execution accuracy (allowed 2.0)"
    )
    found = losses(steps(tuned=0.9, hf=0.8, gguf_q8_0=0.5), recipe)
    assert found.startswith("hf lost 10.0 points") and "; gguf-q8_0 lost 40.0 points" in found
