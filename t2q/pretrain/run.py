"""`t2q pretrain RECIPE`: the run engine over the stages of pretraining."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from t2q.pretrain.growth import fitting
from t2q.pretrain.recipe import PretrainRecipe
from t2q.pretrain.shape import model_config
from t2q.pretrain.stages import PRETRAIN_STAGES
from t2q.progress import Progress
from t2q.run import Run


def pretrain(recipe_path: Path) -> None:
    """Runs what is not up to date and says where the model is. Raises T2QError."""
    recipe = PretrainRecipe.load(Path(recipe_path))
    if recipe.start:
        fitting(recipe.start, model_config(recipe.model, recipe.tokenizer.vocabulary))
    progress = Progress()
    engine = Run(cast(Any, recipe), progress, PRETRAIN_STAGES, verb="t2q pretrain")
    engine.execute()
    scores = json.loads((engine.folder / "evaluate" / "scores.json").read_text(encoding="utf-8"))
    for kind, score in scores.items():
        progress.say(f"{kind}: {100 * score['share']:.1f} % of {score['of']}")
    progress.say(f"model: {engine.folder / 'export'}; to use it as t2q/{recipe.name}:")
    progress.say(
        f"  mkdir -p checkpoints/t2q/{recipe.name} && cp {engine.folder}/export/* checkpoints/t2q/{recipe.name}/"
    )
