"""Fine-tuning a 7B base in nf4 on one GPU: stock LitGPT, Hugging Face PEFT (QLoRA) and t2q, at the same pairs a step.

    python benchmarks/gpu.py                                             # CodeLlama's shape, random weights
    python benchmarks/gpu.py --shape tiny --device cpu --steps 4         # does it run at all?

No network is used: the base is random in a real base's shape, the tokenizer pico's, the questions those that a run has
prepared (`--rows`, made by `t2q run recipes/sql.yaml --to prepare`). A bare machine needs this repository (of
checkpoints/ only t2q/pico's tokenizer files; PYTHONPATH=. where t2q is not installed), the rows, and the packages that
the script names as missing. Each way is a process of its own, which prints its figures as JSON; the table is printed at
the end.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

NEEDED = (
    "torch",
    "litgpt",
    "lightning",
    "jsonargparse",
    "bitsandbytes",
    "transformers",
    "peft",
    "accelerate",
    "sqlglot",
)
TOKENIZER = Path("checkpoints/t2q/pico")
SHAPES: dict[str, tuple[str, dict[str, Any]]] = {
    "codellama-7b": ("CodeLlama-7b-hf", {}),
    "qwen2.5-7b": ("Qwen2.5-Coder-7B-Instruct", {}),
    "tiny": (
        "CodeLlama-7b-hf",
        {"n_layer": 2, "n_embd": 256, "n_head": 4, "n_query_groups": 4, "intermediate_size": 512},
    ),
}
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


def make_base(folder: Path, shape: str, device: str) -> None:
    """A LitGPT checkpoint of random weights, and the same as a Hugging Face folder in folder/hf."""
    import shutil

    import torch
    import yaml
    from litgpt.model import GPT, Config
    from transformers import LlamaConfig, Qwen2Config

    from t2q.conversion.hf import convert_to_hf

    name, changes = SHAPES[shape]
    config = Config.from_name(name, **changes)
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    default, _ = torch.get_default_dtype(), torch.set_default_dtype(torch.bfloat16)
    with torch.device(device):
        model = GPT(config)
        model.apply(model._init_weights)
    torch.set_default_dtype(default)
    torch.save({key: value.cpu() for key, value in model.state_dict().items()}, folder / "lit_model.pth")
    del model
    if device == "cuda":
        torch.cuda.empty_cache()  # this process lives on beside those that are measured
    (folder / "model_config.yaml").write_text(yaml.dump(asdict(config)), encoding="utf-8")
    for file in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "generation_config.json"):
        shutil.copyfile(TOKENIZER / file, folder / file)
    kind = Qwen2Config if config.attn_bias else LlamaConfig
    hf = kind(
        vocab_size=config.padded_vocab_size,
        hidden_size=config.n_embd,
        intermediate_size=config.intermediate_size,
        num_hidden_layers=config.n_layer,
        num_attention_heads=config.n_head,
        num_key_value_heads=config.n_query_groups,
        max_position_embeddings=config.block_size,
        rms_norm_eps=config.norm_eps,
        rope_theta=config.rope_base,
        architectures=["Qwen2ForCausalLM" if config.attn_bias else "LlamaForCausalLM"],
    )
    hf.save_pretrained(folder)
    convert_to_hf(folder, folder / "hf")


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


def matrix_rate(device: str) -> float:
    """Operations a second of a large bf16 matrix product."""
    import torch

    size, rounds = (8192, 20) if device == "cuda" else (1024, 5)
    a = torch.randn(size, size, device=device, dtype=torch.bfloat16)
    a @ a
    if device == "cuda":
        torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(rounds):
        a @ a
    if device == "cuda":
        torch.cuda.synchronize()
    return 2 * size**3 * rounds / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--shape", choices=SHAPES, default="codellama-7b")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--rows", type=Path, default=Path("runs/shop-sql/prepare/litgpt"))
    parser.add_argument("--pairs", type=int, default=16, help="a step")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--base", type=Path, help="where the random base is, or is to be made")
    parser.add_argument("--child", choices=WAYS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        figures = WAYS[given.child](given, given.base)
        print(json.dumps(asdict(figures)))
        return
    if missing := [name for name in NEEDED if importlib.util.find_spec(name) is None]:
        sys.exit(f"not installed: {', '.join(missing)}; on a machine without a network, carry their wheels there")
    if not (given.rows / "train.json").is_file():
        sys.exit(f"{given.rows} holds no train.json: make it with `t2q run recipes/sql.yaml --to prepare`")
    with tempfile.TemporaryDirectory() as place:
        base = given.base or Path(place) / "base"
        if not (base / "hf" / "config.json").is_file():
            make_base(base, given.shape, given.device)
        found = {}
        for way in given.ways:
            command = [sys.executable, __file__, *sys.argv[1:], "--base", str(base), "--child", way]
            child = subprocess.run(command, stdout=subprocess.PIPE, text=True)
            if child.returncode:
                print(f"{way}: failed with exit code {child.returncode}; see above")
                continue
            found[way] = Figures(**json.loads(child.stdout.splitlines()[-1]))
        table(given, found, base)


def table(given: argparse.Namespace, found: dict[str, Figures], base: Path) -> None:
    import torch
    from litgpt.config import Config

    config = Config.from_file(base / "model_config.yaml")
    matrices = (
        config.n_layer
        * config.n_embd
        * (2 * config.n_embd + 2 * config.n_query_groups * config.head_size + 3 * config.intermediate_size)
    )  # weights of a token's products: queries and output, keys and values, the gated layers
    rate, device = matrix_rate(given.device), torch.cuda.get_device_name() if given.device == "cuda" else "CPU"
    print(
        f"{device}, {given.shape}, {given.pairs} pairs a step, {given.steps} steps; "
        f"bf16 products {rate / 1e12:.1f} TFLOP/s"
    )
    slowest = max((figures.seconds for figures in found.values()), default=0.0)
    for way, figures in found.items():
        done = 4 * matrices * figures.tokens / figures.seconds  # forwards and back through the inputs, counted once
        print(
            f"{way:21} {figures.seconds:7.3f} s a step, {given.pairs / figures.seconds:7.1f} pairs/s "
            f"({slowest / figures.seconds:4.1f} times), {figures.tokens / figures.seconds:8.0f} tokens/s, "
            f"{figures.peak / 2**30:5.1f} GiB, {done / rate:4.0%} of the rate; "
            f"loss {figures.losses[0]:.3f} to {figures.losses[-1]:.3f}"
        )


if __name__ == "__main__":
    main()
