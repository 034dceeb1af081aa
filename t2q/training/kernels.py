"""What training on a CPU does by C++ of our own (*.cpp), compiled once for the processor, where that is possible."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

import torch
from torch.utils import cpp_extension

from t2q.cache import cache_folder
from t2q.training import document_attention

_SOURCES = ("attention", "pointwise")
_FLAGS = (
    *("-O3", "-march=native", "-std=c++20", "-fopenmp", "-fPIC"),
    *("-DCPU_CAPABILITY=AVX512", "-DCPU_CAPABILITY_AVX512"),
)


def by_kernel(device: torch.device) -> bool:
    """Whether what is computed now is for the kernels: in bf16, on a CPU that they work on."""
    return device.type == "cpu" and torch.is_autocast_enabled("cpu") and load_kernels()


@cache
def load_kernels() -> bool:
    """Makes torch.ops.t2q, compiling it where that was not done before; False where that cannot be.

    It needs a C++ compiler and a processor with AVX-512 and products in bf16.
    """
    compiler = os.environ.get("CXX") or shutil.which("g++")
    if not compiler or torch.backends.cpu.get_cpu_capability() != "AVX512":
        return False
    try:
        torch.ops.load_library(_compiled(compiler))
        document_attention.try_kernel()
    except (OSError, RuntimeError, subprocess.CalledProcessError) as error:
        said = error.stderr if isinstance(error, subprocess.CalledProcessError) else str(error)
        warnings.warn(f"no kernels of our own, so training takes longer here: {said[:1000]}", stacklevel=2)
        return False
    document_attention.register()
    return True


def _compiled(compiler: str) -> Path:
    """The kernels as a library, from the cache where it holds one of these sources, PyTorch and processor."""
    with as_file(files("t2q.training")) as folder_of_sources:
        sources = [folder_of_sources / f"{name}.cpp" for name in _SOURCES]
        texts = (source.read_text(encoding="utf-8") for source in sources)
        named = "\0".join((*texts, torch.__version__, compiler, *_FLAGS, _processor()))
        folder = cache_folder("kernels")
        library = folder / f"t2q-{hashlib.sha256(named.encode()).hexdigest()[:16]}.so"
        if not library.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder) as made:
                _compile(compiler, sources, Path(made) / library.name)
                (Path(made) / library.name).replace(library)
    return library


def _compile(compiler: str, sources: list[Path], library: Path) -> None:
    """Raises CalledProcessError where a source does not compile. They are compiled side by side."""
    includes = [f"-I{path}" for path in cpp_extension.include_paths()]
    objects = [library.with_name(f"{source.stem}.o") for source in sources]
    commands = [
        [compiler, *_FLAGS, *includes, "-c", str(source), "-o", str(out)]
        for source, out in zip(sources, objects, strict=True)
    ]
    with ThreadPoolExecutor(len(commands)) as side_by_side:
        list(side_by_side.map(_run, commands))
    link = ["-shared", "-fopenmp", f"-L{cpp_extension.TORCH_LIB_PATH}", "-ltorch", "-ltorch_cpu", "-lc10"]
    _run([compiler, *map(str, objects), "-o", str(library), *link])


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)


def _processor() -> str:
    """What -march=native may compile for."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith("flags")), platform.processor())
