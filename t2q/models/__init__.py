"""Models behind one small protocol, whatever file they are loaded from. Importing this package imports no framework."""

from __future__ import annotations

from pathlib import Path

from t2q.errors import T2QError
from t2q.models.base import Completion, Model

__all__ = ["Completion", "Model", "open_model"]


def open_model(path: Path | str, device: str = "auto") -> Model:
    """The model that a path holds: a LitGPT checkpoint folder, a Hugging Face folder or a GGUF file.

    `device` is "auto", "cpu" or "cuda"; llama.cpp uses what it was built for. Raises T2QError where the path holds no
    model or one that cannot be loaded.
    """
    path = Path(path)
    if path.is_file() and path.suffix == ".gguf":
        from t2q.models.llama_cpp_model import LlamaCppModel

        return LlamaCppModel(path)
    if (path / "lit_model.pth").is_file():
        from t2q.models.litgpt_model import LitGPTModel

        return LitGPTModel(path, device)
    if (path / "config.json").is_file() and any(path.glob("*.safetensors")):
        from t2q.models.hf_model import HFModel

        return HFModel(path, device)
    raise T2QError(
        f"{path} holds no model: expected a folder with lit_model.pth, one with config.json and model.safetensors, "
        "or a .gguf file"
    )
