"""What `gpu.py` compares: each way trains the same pairs in nf4 and tells how long its steps took."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MICRO = 4  # pairs in a padded row batch of the other two, which is what fits most cards
WARM = 2  # steps that are not timed
RATE, RANK, ALPHA = 2e-4, 16, 32


@dataclass
class Figures:
    """What a way printed. `losses`: of each step; `ended`: when each step ended, in seconds; `peak`: bytes."""

    losses: list[float]
    ended: list[float]
    tokens: int
    """Computed in a step, on average, padding included."""
    peak: int

    @property
    def seconds(self) -> float:
        """A step."""
        taken = [b - a for a, b in zip(self.ended[WARM - 1 :], self.ended[WARM:], strict=False)]
        return statistics.median(taken)


def config_of(given: argparse.Namespace, base: Path) -> dict[str, Any]:
    """What LitGPT is told, stock and ours alike."""
    return {
        "checkpoint_dir": str(base),
        "precision": "bf16-true",
        "quantize": "bnb.nf4",
        "devices": 1,
        "lora_r": RANK,
        "lora_alpha": ALPHA,
        "lora_dropout": 0.0,
        **{f"lora_{part}": True for part in ("query", "key", "value", "projection", "mlp")},
        "lora_head": False,
        "train": {
            "epochs": 100,
            "global_batch_size": given.pairs,
            "micro_batch_size": MICRO,
            "lr_warmup_steps": 1,
            "save_interval": None,
            "log_interval": 1,
            "max_steps": given.steps,
        },
        "eval": {
            "interval": 10**6,
            "max_new_tokens": 1,
            "max_iters": 1,
            "initial_validation": False,
            "final_validation": False,
        },
        "optimizer": {"class_path": "torch.optim.AdamW", "init_args": {"lr": RATE, "weight_decay": 0.0}},
        "logger_name": "csv",
        "seed": 7,
    }


def peak(device: str) -> int:
    import torch

    return torch.cuda.max_memory_allocated() if device == "cuda" else 0


def by_litgpt(given: argparse.Namespace, base: Path) -> Figures:
    """`litgpt finetune_lora`, its own data module, in this process, so that its memory can be read."""
    import builtins
    import re

    import torch
    import yaml
    from litgpt.__main__ import main

    config = config_of(given, base)
    if given.device == "cpu":  # which LitGPT refuses to quantise on
        config |= {"quantize": None, "precision": "32-true"}
    rows = {"json_path": str(given.rows), "mask_prompt": True}
    style = {"class_path": "t2q.training.prompt_style.T2QPrompt"}
    config["data"] = {"class_path": "litgpt.data.JSON", "init_args": {**rows, "prompt_style": style}}
    path = base / "stock.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    figures, plain = Figures([], [], 0, 0), builtins.print
    lengths: list[int] = []

    def listen(*words: Any, **_: Any) -> None:
        if found := re.search(r"iter (\d+) step \d+ \| loss train: ([\d.]+).*\(step\)", " ".join(map(str, words))):
            if given.device == "cuda":
                torch.cuda.synchronize()
            figures.losses.append(float(found[2]))
            figures.ended.append(time.perf_counter())
        plain(*words, file=sys.stderr)

    from litgpt.lora import GPT

    plain_forward = GPT.forward

    def forward(self: Any, idx: Any, *more: Any, **how: Any) -> Any:
        if torch.is_grad_enabled():
            lengths.append(idx.numel())
        return plain_forward(self, idx, *more, **how)

    GPT.forward = forward  # type: ignore[method-assign]
    builtins.print = listen
    sys.argv[1:] = ["finetune_lora", "--config", str(path), "--out_dir", str(base / "stock")]
    main()
    builtins.print = plain
    figures.tokens, figures.peak = sum(lengths) // given.steps, peak(given.device)
    return figures


def by_peft(given: argparse.Namespace, base: Path) -> Figures:
    """QLoRA as PEFT's documentation has it: nf4, gradient checkpointing, transformers' Trainer."""
    import torch
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig, Trainer, TrainerCallback, TrainingArguments

    from t2q.models.tokenizer import FolderTokenizer
    from t2q.prompt import render

    tokenizer = FolderTokenizer(base)
    lines = json.loads((given.rows / "train.json").read_text(encoding="utf-8"))
    rows = []
    for line in lines[: given.pairs * given.steps]:
        prompt = tokenizer.encode(render(line["input"], line["instruction"]))
        answer = [*tokenizer.encode(line["output"])[tokenizer.bos_id is not None :], tokenizer.eos_ids[0]]
        rows.append({"input_ids": prompt + answer, "labels": [-100] * len(prompt) + answer})
    counted: list[int] = []

    def padded(batch: list[dict[str, list[int]]]) -> dict[str, Any]:
        longest = max(len(row["input_ids"]) for row in batch)
        counted.append(longest * len(batch))

        def filled(key: str, value: int) -> Any:
            return torch.tensor([row[key] + [value] * (longest - len(row[key])) for row in batch])

        mask = torch.tensor([[1] * len(r["input_ids"]) + [0] * (longest - len(r["input_ids"])) for r in batch])
        return {"input_ids": filled("input_ids", 0), "labels": filled("labels", -100), "attention_mask": mask}

    rounding = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16)
    model = AutoModelForCausalLM.from_pretrained(
        base / "hf", quantization_config=rounding, dtype=torch.bfloat16, device_map={"": given.device}
    )
    model = prepare_model_for_kbit_training(model, gradient_checkpointing_kwargs={"use_reentrant": False})
    model = get_peft_model(
        model, LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules="all-linear", task_type="CAUSAL_LM")
    )
    figures = Figures([], [], 0, 0)

    class Clock(TrainerCallback):  # type: ignore[misc]
        def on_log(self, *_: Any, logs: dict[str, float], **__: Any) -> None:
            if "loss" in logs:
                figures.losses.append(logs["loss"])

        def on_step_end(self, *_: Any, **__: Any) -> None:
            if given.device == "cuda":
                torch.cuda.synchronize()
            figures.ended.append(time.perf_counter())

    arguments = TrainingArguments(
        output_dir=str(base / "peft"),
        per_device_train_batch_size=MICRO,
        gradient_accumulation_steps=given.pairs // MICRO,
        max_steps=given.steps,
        learning_rate=RATE,
        warmup_steps=1,
        lr_scheduler_type="cosine",
        bf16=True,
        use_cpu=given.device == "cpu",
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        seed=7,
    )
    Trainer(model, arguments, train_dataset=rows, data_collator=padded, callbacks=[Clock()]).train()
    figures.tokens, figures.peak = sum(counted) // given.steps, peak(given.device)
    return figures


def by_t2q(given: argparse.Namespace, base: Path) -> Figures:
    """What `t2q run` trains with."""
    from t2q.training import finetune, loop

    config = config_of(given, base)
    config["data"] = {"init_args": {"json_path": str(given.rows), "seed": 7}}
    figures = Figures([], [], 0, 0)
    lengths: list[int] = []

    def tell(entry: dict[str, Any]) -> None:
        print(entry, file=sys.stderr)
        if "loss" in entry:
            figures.losses.append(entry["loss"])
            figures.ended.append(time.perf_counter())

    plain = loop.answer_loss

    def counted(model: Any, row: dict[str, Any], recompute: bool = False) -> Any:
        lengths.append(row["input_ids"].numel())
        return plain(model, row, recompute)

    loop.answer_loss = counted
    training = finetune.make_training(config, finetune.make_fabric(config), None, 1e9)
    training.tell = tell
    training._validate = lambda: None  # type: ignore[method-assign]
    training.run()
    figures.tokens, figures.peak = sum(lengths) // given.steps, peak(given.device)
    return figures


WAYS = {"litgpt finetune_lora": by_litgpt, "PEFT QLoRA": by_peft, "t2q": by_t2q}
