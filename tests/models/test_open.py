"""Opening models: what a path holds, one clear line where it holds nothing usable, and quiet libraries."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from t2q.errors import T2QError
from t2q.models import open_model
from tests.models.builders import llama_checkpoint
from tests.models.conftest import Chain


def test_importing_the_room_loads_no_framework() -> None:
    code = "import sys, t2q.models; print({'torch', 'transformers', 'llama_cpp', 'litgpt'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"


def test_llama_cpp_says_nothing(chain: Chain, capfd: pytest.CaptureFixture[str]) -> None:
    with open_model(chain.gguf["q8_0"]) as model:
        model.generate(["SELECT"], 2)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("name", "message"),
    [("nothing", "holds no model"), ("nothing.gguf", "holds no model"), (".", "holds no model")],
)
def test_nothing_there(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(T2QError, match=message):
        open_model(tmp_path / name)


def test_broken_files(tmp_path: Path, chain: Chain) -> None:
    (tmp_path / "model.gguf").write_bytes(chain.gguf["f16"].read_bytes()[:100_000])
    with pytest.raises(T2QError, match=r"model.gguf is no GGUF file that llama.cpp can load: \w+"):
        open_model(tmp_path / "model.gguf")
    (tmp_path / "hf").mkdir()
    for path in chain.hf.iterdir():
        (tmp_path / "hf" / path.name).write_bytes(
            path.read_bytes()[:1000] if "safetensors" in path.name else path.read_bytes()
        )
    with pytest.raises(T2QError, match="no Hugging Face model"):
        open_model(tmp_path / "hf", "cpu")


def test_broken_checkpoint(tmp_path: Path) -> None:
    lit = llama_checkpoint(tmp_path / "lit", steps=0)
    config = (lit / "model_config.yaml").read_text()
    (lit / "model_config.yaml").write_text(config.replace("n_layer: 2", "n_layer: 3"))
    with pytest.raises(T2QError, match="does not fit"):
        open_model(lit, "cpu")
    (lit / "model_config.yaml").write_text(config)
    (lit / "lit_model.pth").write_bytes((lit / "lit_model.pth").read_bytes()[:5000])
    with pytest.raises(T2QError, match="cannot be read"):
        open_model(lit, "cpu")
    (lit / "model_config.yaml").unlink()
    with pytest.raises(T2QError, match=r"no model_config\.yaml"):
        open_model(lit, "cpu")
