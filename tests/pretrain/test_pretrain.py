"""Pretraining in the small: a tokenizer that copies, a corpus that is the same however made, a loop that resumes."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from t2q import fingerprint
from t2q.pretrain.corpus import ANSWER, make_document, make_rows, sample_texts
from t2q.pretrain.recipe import PretrainRecipe
from t2q.pretrain.tokenizer import save_tokenizer, train_tokenizer

SMALL = {
    "model": {"layers": 2, "heads": 2, "width": 32, "hidden": 64, "context": 1024},
    "tokenizer": {"vocabulary": 700, "documents": 20},
    "corpus": {"rows": 8, "row_tokens": 768},
    "evaluate": {"documents": 1},
    "train": {
        "optimizer": "muon",  # beside AdamW, which the embedding keeps
        "steps": 6,
        "rows": 2,
        "checkpoint_every": 2,
        "warmup": 2,
        "precision": "32-true",  # measured anew, a busy machine could choose another for the second run
    },
}


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    save_tokenizer(train_tokenizer(sample_texts(1, 40), 1200), folder, 1024, "")
    return folder / "tokenizer.json"


def test_a_name_is_the_same_tokens_wherever_it_stands(tokenizer: Path) -> None:
    from tokenizers import Tokenizer

    loaded = Tokenizer.from_file(str(tokenizer))
    for name in ("shipped", "customer_id", "discount", "Zoë", "unit price"):
        own = loaded.encode(name).ids
        for text in (f"'{name}'", f"({name})", f"= {name}", f"x.{name},"):
            ids = loaded.encode(text).ids
            assert any(ids[i : i + len(own)] == own for i in range(len(ids))), (name, text)


def test_text_survives_the_tokenizer(tokenizer: Path) -> None:
    from tokenizers import Tokenizer

    loaded = Tokenizer.from_file(str(tokenizer))
    for text in ("SELECT  a\tFROM b\r\n", "naïve 東京 🚀 </s> 12.50€", " lead and trail ", ""):
        assert loaded.decode(loaded.encode(text).ids, skip_special_tokens=False) == text


def test_rows_do_not_depend_on_the_number_of_processes(tokenizer: Path) -> None:
    one = make_rows(tokenizer, 3, 0, 6, 768, processes=1)
    two = make_rows(tokenizer, 3, 0, 6, 768, processes=2)
    assert np.array_equal(one, two) and one.shape == (6, 5, 768)
    assert (one[:, 4] == ANSWER).any(axis=1).all()


@pytest.mark.parametrize(("changed", "anew"), [("wordnet.yaml", True), ("corpus.py", True), ("train.py", False)])
def test_a_corpus_is_made_anew_when_what_makes_it_changes(
    changed: str, anew: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest, before = fingerprint.file_digest, fingerprint.corpus(PretrainRecipe())
    monkeypatch.setattr(fingerprint, "file_digest", lambda path: "" if path.name == changed else digest(path))
    assert (fingerprint.corpus(PretrainRecipe()) != before) == anew


def test_documents_hold_both_languages_and_refusals() -> None:
    rng = random.Random(0)
    documents = [make_document(rng, 8) for _ in range(30)]
    assert {d.dialect for d in documents} >= {"sqlite", "cypher"}
    declined = sum(not p.answerable for d in documents for p in d.pairs)
    assert 0.05 < declined / 240 < 0.3


@pytest.mark.slow
def test_killed_and_resumed_gives_the_same_weights(tmp_path: Path) -> None:
    """SIGKILL in the middle of the training, then the same command again.

    Only the undisturbed training is compiled: that takes most of its time, and must not change what it computes.
    """
    import yaml

    plain = {**os.environ, "TORCHDYNAMO_DISABLE": "1"}

    def command(name: str) -> list[str]:
        recipe = tmp_path / f"{name}.yaml"
        recipe.write_text(yaml.safe_dump({"name": name, **SMALL}))
        return [sys.executable, "-m", "t2q", "pretrain", str(recipe)]

    undisturbed, child = (
        subprocess.Popen(command(name), cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env)
        for name, env in (("whole", None), ("cut", plain))
    )
    deadline = time.monotonic() + 200
    while not list((tmp_path / "runs" / "cut" / ".scratch").glob("pretrain-*/state.pth")):
        assert time.monotonic() < deadline and child.poll() is None
        time.sleep(0.02)
    child.kill()
    child.wait()
    assert not (tmp_path / "runs" / "cut" / "pretrain").exists()
    subprocess.run(command("cut"), cwd=tmp_path, check=True, capture_output=True, env=plain)
    assert undisturbed.wait(200) == 0
    whole, cut = (
        torch.load(tmp_path / "runs" / name / "pretrain" / "weights.pth", weights_only=True)
        for name in ("whole", "cut")
    )
    # Two whole runs already differ by 1e-7 (vector kernels go by memory alignment), which Muon's rounding to bf16 makes
    # 1e-5; an optimizer that forgot its state, or one batch too many, by 1e-4 and more.
    for key in whole:
        torch.testing.assert_close(cut[key], whole[key], rtol=0, atol=4e-5)


def test_the_recipe_knows_its_file_for_what_ctrl_c_says(tmp_path: Path) -> None:
    path = tmp_path / "pico.yaml"
    path.write_text("name: x\n")
    recipe = PretrainRecipe.load(path)
    assert recipe.path == path and "path" not in recipe.model_dump()


def test_every_mistake_in_the_recipe_is_named(tmp_path: Path) -> None:
    from t2q.errors import RecipeError

    path = tmp_path / "bad.yaml"
    path.write_text("name: x\nmodel: {layer: 3}\ntrain: {steps: 0}\n")
    with pytest.raises(RecipeError) as error:
        PretrainRecipe.load(path)
    assert "layers" in str(error.value) and "steps" in str(error.value) and f"{path}:2" in str(error.value)
