"""train: LoRA through LitGPT's own `finetune_lora`, as a child process with a config file that anyone can run again.

The artifact: litgpt.yaml (repeat with `litgpt finetune_lora --config litgpt.yaml --out_dir OUT`), final/ with the
adapter as LitGPT leaves it, losses.jsonl, and litgpt.log with all that it printed.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import yaml

from t2q.bases import litgpt_checkpoint
from t2q.child import run_child
from t2q.errors import StageError
from t2q.recipe import Recipe
from t2q.stages import StageContext
from t2q.training.losses import LossReader

EVALUATIONS = 4  # how often the validation loss is taken in a run
WARMUP_SHARE = 0.1


def run(ctx: StageContext) -> dict[str, Any]:
    """Trains. Raises StageError where a row does not fit, where the loss is not finite, or where LitGPT fails."""
    checkpoint = litgpt_checkpoint(ctx.recipe.base)
    rows = ctx.inputs["prepare"] / "litgpt"
    numbers = check_rows(rows, checkpoint)
    config = training_config(ctx.recipe, checkpoint, rows, numbers["train"])
    config_path = ctx.out / "litgpt.yaml"
    config_path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    steps = config["train"]["epochs"] * (numbers["train"] // config["train"]["micro_batch_size"])
    command = [sys.executable, "-m", "litgpt", "finetune_lora", "--config", str(config_path), "--out_dir", str(ctx.out)]
    with ctx.progress.task("training", total=steps) as task, (ctx.out / "losses.jsonl").open("w") as losses:
        watcher = LossReader(task, losses)
        log = ctx.scratch / "litgpt.log"  # where it is still to be found after a failure
        run_child(command, "litgpt finetune_lora", log, watcher, env=_environment())
    shutil.move(log, ctx.out)
    (ctx.out / "final" / "lit_model.pth").unlink()  # LitGPT merges on the way out; merging is a stage of its own
    return {"steps": steps, "precision": config["precision"], "validation loss": watcher.validation, **numbers}


def training_config(recipe: Recipe, checkpoint: Path, rows: Path, pairs: int) -> dict[str, Any]:
    """What LitGPT is told, every default that is wrong here spelled out. `pairs`: the number of training rows."""
    train = recipe.train
    batch = min(train.batch_size, pairs)
    steps = train.epochs * (pairs // batch)
    return {
        "checkpoint_dir": _relative(checkpoint),
        "precision": train.precision or _precision(recipe, checkpoint),
        "quantize": train.quantize,
        "devices": 1,
        "lora_r": train.lora.r,
        "lora_alpha": train.lora.alpha,
        "lora_dropout": train.lora.dropout,
        "lora_query": True,
        "lora_key": True,
        "lora_value": True,
        "lora_projection": True,
        "lora_mlp": True,
        "lora_head": False,
        "data": {
            "class_path": "t2q.training.packed.PackedPairs",
            "init_args": {"json_path": _relative(rows), "seed": recipe.seed},
        },
        "train": {
            "epochs": train.epochs,
            "global_batch_size": batch,
            "micro_batch_size": batch,
            "lr_warmup_steps": max(1, int(steps * WARMUP_SHARE)),  # 0 divides by zero in LitGPT
            "save_interval": None,
            "log_interval": 1,
            "max_steps": steps,
        },
        "eval": {
            "interval": max(1, steps // EVALUATIONS),
            "max_new_tokens": 1,
            "max_iters": 1000,
            "initial_validation": True,
            "final_validation": True,
        },
        "optimizer": {
            "class_path": "torch.optim.AdamW",
            "init_args": {"lr": train.learning_rate, "weight_decay": 0.0, "betas": [0.9, 0.99]},
        },
        "logger_name": "csv",
        "seed": recipe.seed,
    }


def check_rows(rows: Path, checkpoint: Path) -> dict[str, int]:
    """Tokenises every row as LitGPT will. Raises StageError where one does not fit the base's context.

    LitGPT cuts a long row from the right, end token first, and a prompt that fills the context leaves no label at all.
    """
    from litgpt.config import Config
    from litgpt.tokenizer import Tokenizer

    from t2q.training.prompt_style import T2QPrompt

    tokenizer, style = Tokenizer(checkpoint), T2QPrompt()
    context = Config.from_file(checkpoint / "model_config.yaml").block_size
    numbers, longest = {}, 0
    for name in ("train", "val"):
        data = json.loads((rows / f"{name}.json").read_text(encoding="utf-8"))
        numbers["validation" if name == "val" else name] = len(data)
        prefixes: dict[str, int] = {}
        for row in data:
            shared = row["input"]
            if shared not in prefixes:
                prefixes[shared] = len(tokenizer.encode(style.apply("", input=shared)))
            own = len(tokenizer.encode(row["instruction"] + row["output"], bos=False))
            longest = max(longest, prefixes[shared] + own + 2)
    if longest > context:
        raise StageError(
            f"the longest prompt with its answer has {longest} tokens, but the base's context ends at {context}: "
            "leave tables out of the database's schema, or take a base with a longer context"
        )
    return {**numbers, "longest row": longest}


def _precision(recipe: Recipe, checkpoint: Path) -> str:
    """bf16 under CUDA; elsewhere the faster one, with weights in float32, whose rounding a small adapter needs."""
    import torch
    from litgpt.config import Config

    from t2q.training.precision import fastest_precision

    if torch.cuda.is_available() or recipe.train.quantize:
        return "bf16-true"
    return fastest_precision(Config.from_file(checkpoint / "model_config.yaml"))


def _relative(path: Path) -> str:
    path = path.resolve()
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONUNBUFFERED": "1", "TOKENIZERS_PARALLELISM": "false"}
