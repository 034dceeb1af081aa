"""LoRA fine-tuning by LitGPT's config file, with what `litgpt finetune_lora` has not.

    python -m t2q.training.finetune --config litgpt.yaml --out_dir OUT [--state FILE]

The same model, data, optimizer and steps, but: nf4 trains the function that is deployed; `--state` keeps what an
interrupted training goes on from, and SIGTERM ends it with that kept; too little memory is met with smaller rows; and
nf4 works on several devices (`devices` and `num_nodes` of the file; on several machines, start it with torchrun on
each). Prints a JSON object a line: {"step", "loss"}, {"step", "validation"} or {"note"}. OUT/final is as LitGPT leaves
it, but for the merged model. Exit code 0: done; STOPPED: ended by SIGTERM; 1: the last line says why not.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import lightning as L
import torch
import yaml
from litgpt.finetune.lora import get_lr_scheduler
from litgpt.lora import Config
from litgpt.prompts import save_prompt_style
from litgpt.tokenizer import Tokenizer
from litgpt.utils import copy_config_files, instantiate_torch_optimizer

from t2q.child import STOPPED, die_with_parent
from t2q.errors import StageError
from t2q.training.loop import Plan, Training
from t2q.training.lora_model import adapter_weights, trainable_model
from t2q.training.packed import PackedPairs
from t2q.training.precision import PRECISIONS
from t2q.training.state import save_state

STARTED_BY = "T2Q_STARTED_BY"  # variable: the process that starts those of the other devices


def tell(entry: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(entry) + "\n")  # at once: other processes write to the same pipe
    sys.stdout.flush()


def _silent(_: dict[str, Any]) -> None:
    pass


def make_fabric(config: dict[str, Any]) -> L.Fabric:
    """Of as many devices as the config names. Where there are several, the processes are in touch when this returns."""
    several = config["devices"] * config.get("num_nodes", 1) > 1
    fabric = L.Fabric(
        accelerator="cuda" if torch.cuda.is_available() else "cpu",
        devices=config["devices"],
        num_nodes=config.get("num_nodes", 1),
        strategy="ddp" if several else "auto",
        precision=PRECISIONS[config["precision"]][1],  # type: ignore[arg-type]
    )
    os.environ[STARTED_BY] = str(os.getpid())
    fabric.launch()
    del os.environ[STARTED_BY]
    return fabric


def make_training(config: dict[str, Any], fabric: L.Fabric, state: Path | None, keep_every: float) -> Training:
    """The training that a config describes, ready to run."""
    checkpoint, train = Path(config["checkpoint_dir"]), config["train"]
    given = config["data"]["init_args"]
    data = PackedPairs(**{**given, "json_path": Path(given["json_path"])})
    data.connect(Tokenizer(checkpoint), train["global_batch_size"])
    data.setup()
    lora = {name: value for name, value in config.items() if name.startswith("lora_")}
    model = trainable_model(
        Config.from_file(checkpoint / "model_config.yaml", **lora),
        checkpoint / "lit_model.pth",
        fabric.device,
        PRECISIONS[config["precision"]][0],
        config["quantize"],
        config["seed"],
    )
    moved = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer: Any = fabric.setup_optimizers(instantiate_torch_optimizer(config["optimizer"], moved))
    scheduler = get_lr_scheduler(optimizer, warmup_steps=train["lr_warmup_steps"], max_steps=train["max_steps"])
    plan = Plan(train["max_steps"], config["eval"]["interval"], config["seed"], state, keep_every)
    return Training(fabric, model, optimizer, scheduler, data, plan, tell if fabric.is_global_zero else _silent)


def write_final(config: dict[str, Any], training: Training, folder: Path) -> None:
    """The adapter, and beside it what LitGPT and a merge want to know."""
    folder.mkdir(parents=True, exist_ok=True)
    save_state({"model": adapter_weights(training.model)}, folder / "lit_model.pth.lora")
    copy_config_files(Path(config["checkpoint_dir"]), folder)
    (folder / "hyperparameters.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    save_prompt_style(training.data.prompt_style, folder)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m t2q.training.finetune", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--out_dir", type=Path, required=True)
    parser.add_argument("--state", type=Path, help="file to go on from, and to keep the state in")
    parser.add_argument("--keep_every", type=float, default=60.0, help="seconds between two states")
    given = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches whoever started this, which then sends SIGTERM
    config = yaml.safe_load(given.config.read_text(encoding="utf-8"))
    fabric = make_fabric(config)
    training = make_training(config, fabric, given.state, given.keep_every)
    signal.signal(signal.SIGTERM, lambda *_: training.stop())
    if not training.run():
        return STOPPED
    if fabric.is_global_zero:
        write_final(config, training, given.out_dir / "final")
    fabric.barrier()
    return 0


if __name__ == "__main__":
    try:
        die_with_parent(int(os.environ.get(STARTED_BY, os.getppid())))
        code = main()
    except StageError as error:
        sys.exit(str(error))
    sys.exit(code)
