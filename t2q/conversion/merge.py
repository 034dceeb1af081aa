"""A trained LoRA adapter and its base as one LitGPT checkpoint.

LitGPT's `merge_lora` does nothing where a merged file already lies beside the adapter, prints, and always takes the
unrounded base. Its layers do the arithmetic here too; the result goes to a folder of its own, always made anew.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import torch
import yaml
from litgpt.lora import GPT, Config, LoRALinear, lora_filter
from litgpt.scripts.merge_lora import load_lora_metadata

from t2q.conversion.hf import TOKENIZER_FILES
from t2q.errors import StageError
from t2q.models.parity import Reading
from t2q.models.tokenizer import FolderTokenizer
from t2q.models.torch_model import device_and_dtype
from t2q.training.lora_model import on_base, read_weights
from t2q.training.precision import PRECISIONS
from t2q.training.rounding import KINDS, adapted_layers, rounded

Progress = Callable[[int, int], None]

BASE_FILES = ("config.json", "generation_config.json", *TOKENIZER_FILES)
ADAPTER_FILES = ("model_config.yaml", "hyperparameters.yaml", "prompt_style.yaml")
Onto = Literal["original", "rounded"]


def merge(
    adapter_dir: Path, base_dir: Path, out_dir: Path, onto: Onto = "original", on_progress: Progress | None = None
) -> torch.dtype:
    """Writes the merged checkpoint. Returns its precision.

    `adapter_dir` is what the training leaves as `final/`. `onto` "rounded" merges into the base as a quantised training
    saw it, so that the result is the function that was trained; "original" into the base itself. The weights have the
    base's precision, the sum is made in float32. `on_progress` gets layers done and in all.

    Raises StageError where files are missing or do not belong together, and where the adapter changes nothing or holds
    numbers that are not finite.
    """
    model = adapted(adapter_dir, base_dir, onto)
    layers = [module for module in model.modules() if isinstance(module, LoRALinear)]
    for done, layer in enumerate(layers, 1):
        dtype = layer.linear.weight.dtype
        layer.requires_grad_(False).float()
        layer.merge()
        layer.to(dtype)
        if on_progress:
            on_progress(done, len(layers))
    merged = {
        name.replace("linear.", ""): weight
        for name, weight in model.state_dict().items()
        if not lora_filter(name, weight)
    }
    out_dir.mkdir(parents=True, exist_ok=True)
    for folder, names in ((base_dir, BASE_FILES), (adapter_dir, ADAPTER_FILES)):
        for name in names:
            if (folder / name).is_file():
                shutil.copyfile(folder / name, out_dir / name)
    partial = out_dir / "lit_model.pth.partial"
    torch.save(merged, partial)
    partial.replace(out_dir / "lit_model.pth")
    return model.lm_head.linear.weight.dtype


def adapted(adapter_dir: Path, base_dir: Path, onto: Onto = "original") -> GPT:
    """The base with the adapter beside it, on the CPU. Raises StageError as `merge` does."""
    for path in (adapter_dir / "lit_model.pth.lora", adapter_dir / "hyperparameters.yaml", base_dir / "lit_model.pth"):
        if not path.is_file():
            raise StageError(f"{path} is missing: train again")
    parameters, _, _ = load_lora_metadata(adapter_dir)
    adapter = read_weights(adapter_dir / "lit_model.pth.lora")
    _check_trained(adapter, adapter_dir)
    config = Config.from_file(adapter_dir / "model_config.yaml", **parameters)
    try:
        model = on_base(config, read_weights(base_dir / "lit_model.pth") | adapter)
    except RuntimeError as error:
        raise StageError(f"the adapter in {adapter_dir} was not trained on {base_dir}: {error}") from error
    kind, dtype = rounding(adapter_dir)
    if onto == "rounded" and kind:
        for layer in adapted_layers(model):
            layer.linear.weight.data = rounded(layer.linear.weight.data, kind, dtype)
    model.cos, model.sin = model.rope_cache(device=torch.device("cpu"))
    return model.eval().requires_grad_(False)


def read_adapted(
    adapter_dir: Path, base_dir: Path, prompts: Sequence[str], device: str = "auto", onto: Onto = "original"
) -> list[Reading]:
    """What the base with its adapter makes of the prompts, by LitGPT's own LoRA layers: what a merge must keep."""
    target, dtype = device_and_dtype(device)
    model = adapted(adapter_dir, base_dir, onto).to(target, dtype)
    model.cos, model.sin = model.rope_cache(device=target)  # in float32, whatever the weights
    tokenizer = FolderTokenizer(base_dir)
    readings = []
    for prompt in prompts:
        ids = tokenizer.encode(prompt)
        logits = model(torch.tensor([ids], device=target))[0]
        readings.append(Reading(prompt, ids, logits.float().cpu().numpy()))
    return readings


def rounding(adapter_dir: Path) -> tuple[str | None, torch.dtype]:
    """How the base was rounded in training, None where it was not, and the type that it was rounded from."""
    said = yaml.safe_load((adapter_dir / "hyperparameters.yaml").read_text(encoding="utf-8"))
    kind = said.get("quantize")
    if kind is not None and kind not in KINDS:
        raise StageError(f"{adapter_dir}: a base quantised by {kind!r} cannot be merged; known: {', '.join(KINDS)}")
    return kind, PRECISIONS[said["precision"]][0]


def _check_trained(adapter: dict[str, torch.Tensor], adapter_dir: Path) -> None:
    if not all(weight.isfinite().all() for weight in adapter.values()):
        raise StageError(f"{adapter_dir}: training diverged (weights are not finite): lower the learning rate")
    if not any(weight.any() for name, weight in adapter.items() if name.endswith("lora_B")):
        raise StageError(f"{adapter_dir}: the adapter changes nothing: training saw no label or took no step")
