"""A base that is not here is fetched, whole or not at all; each refusal is one line. The hub is on this machine."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import litgpt.config
import numpy as np
import pytest
import yaml
from huggingface_hub import constants

from t2q.bases import is_here, litgpt_checkpoint
from t2q.check import Known, before_the_hours_are_spent, findings
from t2q.conversion.hf import TOKENIZER_FILES, convert_to_hf
from t2q.download import fetch
from t2q.errors import DownloadError, RecipeError, StageError
from t2q.hub import look
from t2q.models import open_model
from t2q.progress import Progress
from t2q.recipe import Recipe
from t2q.run import Run
from tests.hub_server import Hub, running
from tests.models.builders import llama_checkpoint

BASE = "maker/tiny"
WEIGHTS = "model.safetensors"
# What Python runs first in LitGPT's process: it makes the model known there, or is killed in the middle of the weights.
IN_THE_CHILD = """\
import os, pathlib, signal
if "T2Q_TEST_KILL" in os.environ:
    pathlib.Path(os.environ["T2Q_TEST_KILL"]).write_bytes(b"the first half of the weights")
    os.kill(os.getpid(), signal.SIGKILL)
import yaml, litgpt.config
config = yaml.safe_load(open({config!r}))
litgpt.config.name_to_config[config["name"]] = config
"""


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model as LitGPT has it (`lit`) and as it is published (`hf`)."""
    place = tmp_path_factory.mktemp("published")
    convert_to_hf(llama_checkpoint(place / "lit", steps=0), place / "hf")
    for name in ("added_tokens.json", "special_tokens_map.json", "vocab.json"):
        (place / "hf" / name).write_text("{}")
    return place


@pytest.fixture
def hub(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The hub with that model; LitGPT knows it by name."""
    config = yaml.safe_load((published / "lit" / "model_config.yaml").read_text())
    config |= {"name": "tiny", "hf_config": {"org": "maker", "name": "tiny"}}
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(config))
    (tmp_path / "sitecustomize.py").write_text(IN_THE_CHILD.format(config=str(tmp_path / "tiny.yaml")))
    files = {path.name: path.read_bytes() for path in (published / "hf").iterdir()}
    with running(Hub({BASE: files})) as hub:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
        monkeypatch.delenv("HF_TOKEN", raising=False)
        monkeypatch.setitem(litgpt.config.name_to_config, "tiny", config)
        monkeypatch.setattr(litgpt.config, "configs", [*litgpt.config.configs, config])
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        template = constants.HUGGINGFACE_CO_URL_TEMPLATE.partition("/{repo_id}")
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub.url + "".join(template[1:]))
        monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1 << 16)
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "no-cache"))
        yield hub


@pytest.mark.slow
def test_what_breaks_off_is_gone_on_with_and_never_taken_for_whole(
    hub: Hub, published: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    size = len(hub.files[BASE][WEIGHTS])
    hub.files[BASE]["pytorch_model.bin"] = b"the same weights in another form"
    hub.cut[WEIGHTS] = size // 2
    with pytest.raises(DownloadError, match=r"the connection broke off .*: run again to go on from there"):
        fetch(BASE, Progress())
    assert not is_here(BASE)

    half = Path(f"checkpoints/{BASE}.partial/lit_model.pth")
    monkeypatch.setenv("T2Q_TEST_KILL", str(half))
    with pytest.raises(StageError, match=f"converting base {BASE} was killed by {signal.SIGKILL.name}"):
        fetch(BASE, Progress())
    assert half.is_file() and not is_here(BASE)

    monkeypatch.delenv("T2Q_TEST_KILL")
    fetch(BASE, Progress())
    asked = [(name, where) for name, where in hub.sent if name.endswith((".safetensors", ".bin"))]
    assert asked[0] == (WEIGHTS, "") and len(asked) == 2  # the third attempt asks for nothing
    assert 0 < int(asked[1][1].removeprefix("bytes=").removesuffix("-")) <= size // 2
    assert capsys.readouterr().out.splitlines()[-1] == f"✓ base {BASE} is in checkpoints/{BASE}"

    folder = litgpt_checkpoint(BASE)
    there = {path.name for path in folder.iterdir()}
    config = {"config.json", "generation_config.json", "chat_template.jinja", "model_config.yaml"}
    assert there == {WEIGHTS, "lit_model.pth", *config, *(set(TOKENIZER_FILES) & hub.files[BASE].keys())}
    with open_model(folder, "cpu") as fetched, open_model(published / "lit", "cpu") as first:
        ids = first.encode("How many?")
        assert fetched.encode("How many?") == ids
        np.testing.assert_allclose(fetched.logits(ids), first.logits(ids), atol=1e-5)
    hub.url, hub.sent = "", []
    fetch(BASE, Progress())
    assert not hub.sent


def test_a_run_says_what_it_would_fetch_and_fetches_it_first(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(f"name: x\ndatabase: sqlite:///x.sqlite\nbase: {BASE}\n")
    (tmp_path / "x.sqlite").touch()
    recipe = Recipe.load("recipe.yaml")
    found = {name: finding for name, finding in findings(Known(recipe)) if name in ("base", "disk")}
    assert found["base"].text == f"base {BASE}: LlamaForCausalLM, not here yet, `t2q run` downloads it (0.0 GiB)"
    assert found["base"].ok and found["disk"].ok
    hub.cut[WEIGHTS] = 0
    planned = Run(recipe, Progress()).plan()
    with pytest.raises(DownloadError, match="broke off"):
        before_the_hours_are_spent(recipe, planned, Progress())
    config = hub.files[BASE]["config.json"]
    hub.files[BASE]["config.json"] = config.replace(b"LlamaForCausalLM", b"GPTNeoXForCausalLM")
    with pytest.raises(RecipeError, match="is GPTNeoXForCausalLM"):
        before_the_hours_are_spent(recipe, planned, Progress())


def test_what_another_program_left_half_done_is_gone_on_with(hub: Hub, published: Path) -> None:
    shutil.copytree(published / "hf", f"checkpoints/{BASE}")
    weights = Path(f"checkpoints/{BASE}/{WEIGHTS}")
    weights.write_bytes(weights.read_bytes()[:-1])
    hub.cut[WEIGHTS] = 0
    with pytest.raises(DownloadError, match="broke off"):
        fetch(BASE, Progress())
    assert not Path(f"checkpoints/{BASE}").exists()
    Path(f"checkpoints/{BASE}").mkdir()
    with pytest.raises(DownloadError, match="each hold a part of the base: delete one of them"):
        fetch(BASE, Progress())


@pytest.mark.parametrize(
    ("token", "gated", "says"),
    [
        (None, True, f"base {BASE} is gated: accept its terms on its page of the model hub, and set HF_TOKEN"),
        ("hf_stranger", True, f"base {BASE} is gated: .* with the account of that token"),
        ("hf_wrong", False, f"the model hub does not accept HF_TOKEN for base {BASE}: make a new token"),
        ("hf_member", True, None),
    ],
)
def test_tokens(hub: Hub, token: str | None, gated: bool, says: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.gated = gated
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    if says is None:
        assert look(BASE).bytes > look(BASE).weights == len(hub.files[BASE][WEIGHTS])
    else:
        with pytest.raises(DownloadError, match=says):
            look(BASE)


def test_names_that_are_not_there(hub: Hub) -> None:
    with pytest.raises(DownloadError, match=r"LitGPT knows no base maker/tinny; did you mean maker/tiny\?"):
        look("maker/tinny")
    for lacking, left in (("weights that LitGPT reads", "config.json"), ("config.json", WEIGHTS)):
        hub.files[BASE] = {left: b"{}"}
        with pytest.raises(DownloadError, match=f"base {BASE} has no {lacking}"):
            look(BASE)
    hub.files.clear()
    with pytest.raises(DownloadError, match=f"the model hub shows no base {BASE}: where it is private, set HF_TOKEN"):
        look(BASE)


def test_a_disk_that_is_too_small_is_told_before_anything_is_fetched(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(100, 99, 1 << 20))  # type: ignore[attr-defined]
    with pytest.raises(DownloadError, match=r"takes 0\.0 GiB more in checkpoints/maker .* and 0\.0 GiB are free"):
        fetch(BASE, Progress())
    assert {name for name, _ in hub.sent} == {"config.json"}


@pytest.mark.usefixtures("hub")
def test_without_a_network_the_line_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    copied = f"copy its folder checkpoints/{BASE} to {tmp_path / 'checkpoints' / BASE}"
    with pytest.raises(DownloadError, match=f"run `litgpt download {BASE}` where there is a network and {copied}$"):
        fetch(BASE, Progress())
