"""train: LoRA on LitGPT's model, as a child process with a config file that LitGPT reads as well.

The artifact: litgpt.yaml (repeat with `litgpt finetune_lora --config litgpt.yaml --out_dir OUT`), final/ with the
adapter as LitGPT leaves it, losses.jsonl, and training.log with all that was printed. Interrupted, it goes on from the
state that the child kept.
"""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from t2q.bases import litgpt_checkpoint
from t2q.child import run_child
from t2q.data.pairs import Pair, answer_text
from t2q.data.wording import SPLITS
from t2q.errors import StageError
from t2q.families import litgpt_context
from t2q.hardware import free_cores
from t2q.large_pages import LARGE_PAGES, tunables
from t2q.prepared import Prepared
from t2q.prompt import render
from t2q.recipe import Recipe
from t2q.stages import StageContext
from t2q.stages.alpaca import write_alpaca
from t2q.training.losses import LossReader

EVALUATIONS = 4  # how often the validation loss is taken in a run
WARMUP_SHARE = 0.1
ENDS = 2  # tokens: that between question and answer, and the end
LACKING = 0.5  # of a core that a thread should have to itself


def run(ctx: StageContext) -> dict[str, Any]:
    """Trains. Raises StageError where a row does not fit, where the loss is not finite, or where the child fails."""
    checkpoint = litgpt_checkpoint(ctx.recipe.base)
    prepared, rows = Prepared.load(ctx.inputs["prepare"]), ctx.inputs["prepare"] / "litgpt"
    numbers, long = check_rows(prepared, checkpoint)
    splits = {split: prepared.pairs(split) for split in SPLITS}
    if long:  # of several databases, some may have more tables than the base can read
        splits = {split: [pair for pair in pairs if pair not in long] for split, pairs in splits.items()}
        rows = write_alpaca(ctx.scratch, splits, lambda pair: prepared.databases[pair.database].text)
        ctx.log(
            f"{len(long)} of {sum(numbers.values())} questions are about schemas that do not fit the base's context: "
            "they train nothing, and those of the test count as wrong"
        )
    asked = Counter(pair.database for pair in splits["train"])
    config_path = _config_file(ctx, checkpoint, rows, list(asked.values()))
    config = yaml.safe_load(config_path.read_text(encoding="utf-8"))
    steps = config["train"]["max_steps"]
    state, log = ctx.scratch / "state.pth", ctx.scratch / "training.log"  # still to be found after a failure
    words = ["--config", str(config_path), "--out_dir", str(ctx.out), "--state", str(state)]
    environment = {"PYTHONUNBUFFERED": "1", "TOKENIZERS_PARALLELISM": "false", **_on_cpu(ctx)}
    with ctx.progress.task("training", total=steps) as task, (ctx.out / "losses.jsonl").open("w") as losses:
        watcher = LossReader(task, losses, ctx.log)
        command = [sys.executable, *_start_elsewhere(ctx, config, words), "-m", "t2q.training.finetune", *words]
        run_child(command, "the training", log, watcher, env={**os.environ, **environment})
    if watcher.steps != steps:
        raise StageError(f"the training told the losses of {watcher.steps} steps of {steps}; what it said: {log}")
    shutil.move(log, ctx.out)
    shutil.copy(config_path, ctx.out)
    return {
        "steps": steps,
        "precision": config["precision"],
        "first validation loss": watcher.first_validation,
        "validation loss": watcher.validation,
        **numbers,
    }


def _config_file(ctx: StageContext, checkpoint: Path, rows: Path, pairs: Sequence[int]) -> Path:
    """litgpt.yaml, kept from one attempt to the next: a precision that was measured must stay what it was."""
    path = ctx.scratch / "litgpt.yaml"
    if not path.is_file():
        config = training_config(ctx.recipe, checkpoint, rows, pairs)
        half = path.with_suffix(".partial")  # what a full disk leaves must not be taken for the config
        half.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
        half.replace(path)
    return path


def _start_elsewhere(ctx: StageContext, config: dict[str, Any], words: Sequence[str]) -> list[str]:
    """Where several machines train, what Python is to run the training by, here and, as is told, on the others."""
    if config["num_nodes"] == 1:
        return []
    place = f"{os.environ.get('MASTER_ADDR') or socket.gethostname()}:{os.environ.get('MASTER_PORT', '29500')}"
    torchrun = launcher(config["num_nodes"], config["devices"], place, ctx.recipe.name)
    there = shlex.join(["python", *torchrun, "-m", "t2q.training.finetune", *words])
    ctx.log(f"on each of the other machines, in this same folder on a shared disk, start: {there}")
    return torchrun


def launcher(nodes: int, devices: int, place: str, name: str) -> list[str]:
    """torchrun for the training `name` of several machines that meet at `place`, "host:port"."""
    return [
        *("-m", "torch.distributed.run", "--nnodes", str(nodes), "--nproc_per_node", str(devices)),
        *("--rdzv_backend", "c10d", "--rdzv_endpoint", place, "--rdzv_id", name),
    ]


def _on_cpu(ctx: StageContext) -> dict[str, str]:
    """Variables for training on a CPU: how memory is held, and how threads wait for each other.

    By default, OpenMP's threads spin. That is a third faster on free cores, but several times slower where another
    program wants one of them: each spins while the one that it waits for is not let run.
    """
    import torch

    if torch.cuda.is_available():
        return {}
    memory = {"GLIBC_TUNABLES": tunables(LARGE_PAGES)}
    free = free_cores()
    if free > torch.get_num_threads() - LACKING:
        return memory
    ctx.log(f"other programs leave {free:.1f} of {os.cpu_count()} cores free: training takes longer")
    return {**memory, "OMP_WAIT_POLICY": "PASSIVE"}


def training_config(recipe: Recipe, checkpoint: Path, rows: Path, pairs: Sequence[int]) -> dict[str, Any]:
    """What LitGPT is told, every default that is wrong here spelled out. `pairs`: of training, about each database.

    Raises StageError where they come to no more than one step.
    """
    train = recipe.train
    batch, devices = min(train.batch_size, max(pairs, default=1)), train.devices * train.nodes
    steps = train.epochs * sum(number // batch for number in pairs)
    if steps < 2:
        raise StageError(f"{steps} training step is too few: raise train.epochs or pairs.train")
    return {
        "checkpoint_dir": _relative(checkpoint),
        "precision": train.precision or _precision(recipe, checkpoint),
        "quantize": train.quantize,
        "devices": train.devices,
        "num_nodes": train.nodes,
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
            "init_args": {"json_path": _relative(rows), "seed": recipe.seed, "prompt": recipe.prompt},
        },
        "train": {
            "epochs": train.epochs,
            "global_batch_size": batch,
            "micro_batch_size": max(1, batch // devices),
            "lr_warmup_steps": max(1, int(steps * WARMUP_SHARE)),  # 0, or all of them, divides by zero in LitGPT
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
            "init_args": {"lr": train.learning_rate, "weight_decay": 0.0, "betas": [0.9, 0.99], "fused": True},
        },
        "logger_name": "csv",
        "seed": recipe.seed,
    }


def check_rows(prepared: Prepared, checkpoint: Path) -> tuple[dict[str, int], set[Pair]]:
    """Tokenises every question with its answer, the test's too: numbers to tell, and pairs that do not fit the context.

    Raises StageError where there are such and all ask the same database, whose schema could be made smaller.
    LitGPT cuts a long row from the right, end token first, and a prompt that fills the context leaves no label at all;
    a question of the test that is too long would be noticed only after the training.
    """
    from litgpt.config import Config
    from litgpt.tokenizer import Tokenizer

    tokenizer = Tokenizer(checkpoint)
    context = litgpt_context(asdict(Config.from_file(checkpoint / "model_config.yaml")))
    schemas = {
        name: len(tokenizer.encode(render(shown.text, "", prepared.style))) + ENDS
        for name, shown in prepared.databases.items()
    }
    numbers, longest, long, first = {}, 0, list[Pair](), ""
    for split in SPLITS:
        pairs = prepared.pairs(split)
        numbers[split] = len(pairs)
        for pair in pairs:
            tokens = schemas[pair.database] + len(tokenizer.encode(pair.question + answer_text(pair), bos=False))
            if tokens > context:
                long.append(pair)
                first = first or f"{split}, {tokens} tokens: {pair.question[:80]!r}"
            else:
                longest = max(longest, tokens)
    if long and len(schemas) == 1:
        raise StageError(
            f"{len(long)} of {sum(numbers.values())} questions do not fit the base's context of {context} tokens "
            f"({max(schemas.values())} of them are the schema's), such as ({first}): leave tables out of the "
            "database's schema, shorten the questions, or take a base with a longer context"
        )
    return {**numbers, "longest row": longest}, set(long)


def _precision(recipe: Recipe, checkpoint: Path) -> str:
    """Sixteen bits under CUDA, bf16 where the GPU has it; elsewhere the faster one, with the base in float32."""
    import torch
    from litgpt.config import Config

    from t2q.training.precision import fastest_precision

    if torch.cuda.is_available():
        return "bf16-true" if torch.cuda.is_bf16_supported(including_emulation=False) else "16-true"
    if recipe.train.quantize:
        return "bf16-true"
    return fastest_precision(Config.from_file(checkpoint / "model_config.yaml"))


def _relative(path: Path) -> str:
    path = path.resolve()
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
