"""The whole conversion chain, once for each shape of model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from t2q.conversion.gguf import convert_to_gguf
from t2q.conversion.hf import convert_to_hf
from t2q.conversion.quantize import quantize
from t2q.models import Model, open_model
from tests.models.builders import llama2_checkpoint, llama_checkpoint, qwen_checkpoint

SHAPES = {"llama": llama_checkpoint, "llama2": llama2_checkpoint, "qwen2": qwen_checkpoint}
WRITTEN = ("f32", "f16", "bf16")
QUANTISED = ("q8_0", "q4_k_m")


@dataclass(frozen=True)
class Chain:
    """A model's folders and files, from LitGPT to GGUF, and each of them opened."""

    shape: str
    lit: Path
    hf: Path
    gguf: dict[str, Path]
    models: dict[str, Model]


@pytest.fixture(scope="session")
def chains(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Chain]]:
    """Makes the chain of a shape once. (A fixture with parameters is made anew in every file of tests.)"""
    with ExitStack() as stack:
        yield cache(lambda shape: _made(shape, tmp_path_factory.mktemp(shape), stack))


@pytest.fixture(params=SHAPES)
def chain(request: pytest.FixtureRequest, chains: Callable[[str], Chain]) -> Chain:
    return chains(request.param)


def _made(shape: str, root: Path, stack: ExitStack) -> Chain:
    lit = SHAPES[shape](root / "lit")
    convert_to_hf(lit, root / "hf")
    files = {name: root / f"model-{name}.gguf" for name in (*WRITTEN, *QUANTISED)}
    for name in WRITTEN:
        convert_to_gguf(root / "hf", files[name], name, name="test", description="made on the spot")
    for name in QUANTISED:
        quantize(files["f16"], files[name], name)
    models = {
        name: stack.enter_context(open_model(path, "cpu"))
        for name, path in {"lit": lit, "hf": root / "hf", **files}.items()
    }
    return Chain(shape, lit, root / "hf", files, models)
