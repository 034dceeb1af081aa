"""GGUF files: their header, their tokenizers' names, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from gguf import GGUFReader, TokenType
from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers

from t2q.conversion.gguf import convert_to_gguf
from t2q.conversion.gguf_vocabulary import PRE_TOKENIZERS
from t2q.conversion.hf import convert_to_hf
from t2q.conversion.quantize import quantize
from t2q.errors import StageError
from t2q.models.llama_file import LlamaFile
from t2q.models.tokenizer import FolderTokenizer
from t2q.prompt import OWN
from tests.models.builders import llama_checkpoint
from tests.models.conftest import Chain
from tests.models.test_tokens import TEXTS

PARTS = {
    "digits": pre_tokenizers.Digits(individual_digits=True),
    "bytes": pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    "bytes of words": pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A Hugging Face folder that a test may spoil."""
    convert_to_hf(llama_checkpoint(tmp_path / "lit", steps=0), tmp_path / "hf")
    return tmp_path / "hf"


def spoil(folder: Path, file: str, **changes: object) -> None:
    path = folder / file
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_header(chain: Chain) -> None:
    reader = GGUFReader(chain.gguf["f16"])
    values = {key: reader.fields[key].contents() for key in reader.fields if key.startswith(("general.", "tokenizer."))}
    assert (values["general.name"], values["general.description"]) == ("test", "made on the spot")
    assert values["general.architecture"] == {"qwen2": "qwen2"}.get(chain.shape, "llama")
    assert values["tokenizer.ggml.add_bos_token"] is (chain.shape != "qwen2")
    expected = {"llama": "deepseek-coder", "llama2": "default", "qwen2": "qwen2"}[chain.shape]
    assert values["tokenizer.ggml.pre"] == expected
    assert values["tokenizer.chat_template"].endswith(OWN.chat_template)
    size = chain.models["lit"].n_vocab
    assert len(values["tokenizer.ggml.tokens"]) == len(values["tokenizer.ggml.token_type"]) == size
    if chain.shape == "qwen2":
        assert values["tokenizer.ggml.tokens"][-1] == "[PAD703]"
        assert values["tokenizer.ggml.token_type"][-1] == TokenType.UNUSED
    names = {tensor.name for tensor in reader.tensors}
    assert "output.weight" not in names, "tied weights are stored once"


@pytest.mark.parametrize("signature", PRE_TOKENIZERS, ids=PRE_TOKENIZERS.values())
def test_every_named_word_splitting_is_what_llama_cpp_does(folder: Path, signature: tuple[str, ...]) -> None:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    parts = [PARTS.get(part) or pre_tokenizers.Split(Regex(part), "isolated") for part in signature]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(parts)
    tokenizer.save(str(folder / "tokenizer.json"))
    convert_to_gguf(folder, folder / "model.gguf")
    expected = FolderTokenizer(folder)
    with LlamaFile(folder / "model.gguf", vocabulary_only=True) as file:
        assert file.metadata("tokenizer.ggml.pre") == PRE_TOKENIZERS[signature]
        for text in TEXTS:
            assert file.encode(text) == expected.encode(text), text


def test_an_unknown_word_splitting_is_refused(folder: Path) -> None:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), PARTS["bytes"]])
    tokenizer.save(str(folder / "tokenizer.json"))
    with pytest.raises(StageError, match="no known name"):
        convert_to_gguf(folder, folder / "model.gguf")
    assert not list(folder.glob("model.gguf*"))


def test_a_tokenizer_that_llama_cpp_reads_otherwise_is_refused(folder: Path) -> None:
    """The word splitting is known, but the text is changed before, which GGUF cannot say."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.save(str(folder / "tokenizer.json"))
    with pytest.raises(StageError, match="other tokens"):
        convert_to_gguf(folder, folder / "model.gguf")
    assert not list(folder.glob("model.gguf*"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"architectures": ["PhiForCausalLM"]}, "PhiForCausalLM"),
        ({"vocab_size": 300}, "tokens and the model 300"),
        ({"rope_scaling": {"rope_type": "longrope"}}, "longrope"),
    ],
)
def test_what_cannot_become_gguf(folder: Path, changes: dict[str, object], message: str) -> None:
    spoil(folder, "config.json", **changes)
    with pytest.raises(StageError, match=message):
        convert_to_gguf(folder, folder / "model.gguf")
    assert not list(folder.glob("model.gguf*"))


def test_progress(folder: Path) -> None:
    seen: list[tuple[int, int]] = []
    convert_to_gguf(folder, folder / "model.gguf", on_progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (len(seen), len(seen)) and len(seen) == 2 + 2 * 9


def test_quantised_files_are_smaller(chain: Chain) -> None:
    sizes = [chain.gguf[name].stat().st_size for name in ("f32", "f16", "q8_0", "q4_k_m")]
    assert sizes == sorted(sizes, reverse=True) and sizes[-1] < 0.4 * sizes[1]


def test_what_cannot_be_quantised(tmp_path: Path) -> None:
    (tmp_path / "bad.gguf").write_bytes(b"GGUF but not really")
    with pytest.raises(StageError, match=r"could not quantise .*bad\.gguf to q8_0: \w+"):
        quantize(tmp_path / "bad.gguf", tmp_path / "out.gguf", "q8_0")
    with pytest.raises(StageError, match="use one of q8_0"):
        quantize(tmp_path / "bad.gguf", tmp_path / "out.gguf", "q9")
    assert [path.name for path in tmp_path.iterdir()] == ["bad.gguf"]
