"""Attention over rows of documents on a CPU, by a kernel of our own (attention.cpp), compiled once for the processor.

PyTorch's kernel for CPUs computes all of a row's scores, most of which a mask then throws away, and is slow backwards:
it took more than half of a training step. The kernel computes the scores that count, in a core's cache.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils import cpp_extension

from t2q.cache import cache_folder

_FLAGS = (
    *("-O3", "-march=native", "-std=c++20", "-fopenmp", "-fPIC", "-shared"),
    *("-DCPU_CAPABILITY=AVX512", "-DCPU_CAPABILITY_AVX512"),
)


def attend_documents(q: Tensor, k: Tensor, v: Tensor, planes: Tensor, scale: float) -> Tensor:
    """Attention in which a token sees its document's prefix and its own pair, as far as they stand before it.

    Shapes: q, k, v (1, heads, T, head size) in bf16, result (1, T, heads, head size). `planes`, (2, T): each token's
    document (-1: filling, whose result is zero) and pair (0: the prefix). Differentiable. Needs `load_kernel()`.
    """
    result: Tensor = torch.ops.t2q.attend(q, k, v, planes, scale)[0]
    return result


def by_kernel(device: torch.device) -> bool:
    """Whether what is computed now is for the kernel: in bf16, on a CPU that it works on."""
    return device.type == "cpu" and torch.is_autocast_enabled("cpu") and load_kernel()


@cache
def load_kernel() -> bool:
    """Makes `attend_documents` work, compiling the kernel where that was not done before; False where it cannot.

    It needs a C++ compiler and a processor with AVX-512 and products in bf16.
    """
    compiler = os.environ.get("CXX") or shutil.which("g++")
    if not compiler or torch.backends.cpu.get_cpu_capability() != "AVX512":
        return False
    try:
        torch.ops.load_library(_compiled(compiler))
        _try_kernel()
    except (OSError, RuntimeError, subprocess.CalledProcessError):
        return False
    torch.library.register_fake("t2q::attend", _shapes)
    torch.library.register_fake("t2q::attend_backward", _shapes_backward)
    torch.library.register_autograd("t2q::attend", _backward, setup_context=_keep)
    return True


def _compiled(compiler: str) -> Path:
    """The kernel as a library, from the cache where it holds one of this source, PyTorch and processor."""
    with as_file(files("t2q.training").joinpath("attention.cpp")) as source:
        named = "\0".join((source.read_text(encoding="utf-8"), torch.__version__, compiler, *_FLAGS, _processor()))
        folder = cache_folder("kernels")
        library = folder / f"attention-{hashlib.sha256(named.encode()).hexdigest()[:16]}.so"
        if not library.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            places = (*(f"-I{path}" for path in cpp_extension.include_paths()), f"-L{cpp_extension.TORCH_LIB_PATH}")
            with tempfile.TemporaryDirectory(dir=folder) as made:
                out = Path(made) / library.name
                command = [compiler, *_FLAGS, *places, str(source), "-o", str(out), "-ltorch", "-ltorch_cpu", "-lc10"]
                subprocess.run(command, check=True, capture_output=True)
                out.replace(library)
    return library


def _processor() -> str:
    """What -march=native may compile for."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith("flags")), platform.processor())


def _try_kernel() -> None:
    """Raises RuntimeError where the processor has no products in bf16."""
    q = torch.ones(1, 1, 1, 32, dtype=torch.bfloat16)
    torch.ops.t2q.attend(q, q, q, torch.zeros(2, 1, dtype=torch.long), 1.0)


def _shapes(q: Tensor, k: Tensor, v: Tensor, planes: Tensor, scale: float) -> tuple[Tensor, Tensor]:  # noqa: ARG001
    heads, tokens, size = q.shape[1:]
    return q.new_empty((1, tokens, heads, size)), q.new_empty((heads, tokens), dtype=torch.float32)


def _shapes_backward(gradient: Tensor, q: Tensor, k: Tensor, v: Tensor, *_: Any) -> tuple[Tensor, ...]:  # noqa: ARG001
    return q.new_empty(q.shape), k.new_empty(k.shape), v.new_empty(v.shape)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    *tensors, ctx.scale = inputs
    ctx.save_for_backward(*tensors, *output)


def _backward(ctx: Any, gradient: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
    q, k, v, planes, result, sums = ctx.saved_tensors
    given = torch.ops.t2q.attend_backward(gradient.contiguous(), q, k, v, result, sums, planes, ctx.scale)
    return (*given, None, None)
