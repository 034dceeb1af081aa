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

    assert losses(steps(base=0.1, tuned=0.9, hf=0.9, gguf_q8_0=0.89, gguf_q4_k_m=0.88), recipe, 200) == ""
    assert losses(steps(base=0.1, tuned=0.9, hf=0.9, gguf_q8_0=0.95, gguf_q4_k_m=0.87), recipe, 200) == (
        "gguf-q4_k_m lost 3.0 points of execution accuracy, 6 of 200 questions (limits.q4_k_m allows 2.0 points)"
    )
    found = losses(steps(tuned=0.9, hf=0.8, gguf_q8_0=0.5), recipe, 200)
    assert found.startswith("hf lost 10.0 points") and "; gguf-q8_0 lost 40.0 points" in found
    one, two = steps(tuned=0.9, hf=0.88), steps(tuned=0.9, hf=0.86)
    assert losses(one, recipe, 50) == ""  # one question of few is more than half a point, and tells nothing
    assert losses(two, recipe, 50).startswith("hf lost 4.0 points of execution accuracy, 2 of 50 questions")
