"""`t2q check`: what would fail later is a line now."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from types import SimpleNamespace

import pytest

from t2q import check, hardware
from t2q.check import Known, before_the_hours_are_spent, check_recipe, findings
from t2q.errors import RecipeError
from t2q.progress import Progress
from t2q.recipe import Recipe
from t2q.run import Run

REPOSITORY = Path(__file__).parents[1]
RECIPE = "name: shop\ndatabase: sqlite:///shop.sqlite\nbase: t2q/pico-small\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a small database, a recipe for it and the base."""
    monkeypatch.chdir(tmp_path)
    for module in (check, hardware):
        monkeypatch.setattr(module, "nvidia_gpu", lambda: None)
    (tmp_path / "checkpoints").symlink_to(REPOSITORY / "checkpoints")
    make_database("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)", "INSERT INTO items (name) VALUES ('cup')")
    Path("recipe.yaml").write_text(RECIPE)
    return tmp_path


def make_database(*statements: str) -> None:
    Path("shop.sqlite").unlink(missing_ok=True)
    with sqlite3.connect("shop.sqlite") as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def wrong(*overrides: str) -> dict[str, str]:
    """What is not right, by the name of its check."""
    return {name: f.text for name, f in findings(Known(Recipe.load("recipe.yaml", overrides=overrides))) if not f.ok}


def test_a_good_recipe_passes_and_says_what_is_next(capsys: pytest.CaptureFixture[str]) -> None:
    assert check_recipe(Path("recipe.yaml"), None, ())
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "no profiles · base t2q/pico-small"
    assert [line[:2] for line in lines[1:-1]] == ["✓ "] * 8
    assert lines[-1] == "ready: t2q run recipe.yaml"


@pytest.mark.parametrize("damaged", ["config.json", "model_config.yaml", "tokenizer.json"])
def test_a_damaged_base_is_a_finding(folder: Path, damaged: str) -> None:
    (folder / "checkpoints").unlink()
    shutil.copytree(REPOSITORY / "checkpoints" / "t2q" / "pico-small", folder / "checkpoints" / "t2q" / "pico-small")
    (folder / "checkpoints" / "t2q" / "pico-small" / damaged).write_text("{")
    assert set(wrong()) in ({"base"}, {"prompts"})


def test_a_run_says_at_once_what_would_fail_after_its_first_stage() -> None:
    with pytest.raises(RecipeError) as refused:
        start("base=t2q/gone", "train.quantize=bnb.nf4", "train.learning_rate=0.5", "train.batch_size=9999")
    told = ("base t2q/gone is not in ", "train.learning_rate 0.5", "train.batch_size 9999", "train.quantize bnb.nf4")
    assert [line.startswith(what) for line, what in zip(str(refused.value).splitlines(), told, strict=True)] == [
        True
    ] * 4
    start("base=t2q/gone", last="prepare")
    start()


def start(*overrides: str, last: str | None = None) -> None:
    recipe = Recipe.load("recipe.yaml", overrides=overrides)
    before_the_hours_are_spent(recipe, Run(recipe, Progress()).plan(last=last), Progress())


def test_a_broken_recipe_is_a_line_for_each_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    Path("recipe.yaml").write_text(RECIPE + "trian: {}\nseed: x\n")
    assert not check_recipe(Path("recipe.yaml"), None, ())
    assert capsys.readouterr().out.splitlines() == [
        '✗ recipe    recipe.yaml:4: unknown key "trian"; did you mean "train"?',
        '✗ recipe    recipe.yaml:5: seed must be a whole number, not "x"',
    ]


@pytest.mark.parametrize(
    ("statements", "says"),
    [
        ((), "sqlite:///shop.sqlite holds no tables"),
        (("CREATE TABLE items (id INTEGER)",), "sqlite:///shop.sqlite has 1 tables but no rows"),
    ],
)
def test_a_database_without_rows(statements: tuple[str, ...], says: str) -> None:
    make_database(*statements)
    assert wrong()["database"].startswith(says)


def test_a_database_that_is_not_there_or_is_none() -> None:
    Path("shop.sqlite").write_bytes(b"not a database at all, but longer than its header would be" * 20)
    assert "shop.sqlite" in wrong()["database"]
    Path("shop.sqlite").unlink()
    assert wrong()["database"].startswith("no database file shop.sqlite")


def test_a_schema_too_long_for_the_base() -> None:
    columns = ", ".join(f"a_rather_long_column_name_{i} TEXT" for i in range(300))
    make_database(f"CREATE TABLE wide ({columns})", "INSERT INTO wide DEFAULT VALUES")
    says = wrong()["prompts"]
    assert "tokens of the base's" in says and "fewer tables" in says


def test_bases_that_cannot_be_used() -> None:
    assert wrong("base=t2q/nano")["base"].startswith("base t2q/nano is not in checkpoints/t2q/nano")
    says = wrong("base=Qwen/Qwen2.5-Coder-7B-Instrukt")["base"]
    assert says == "LitGPT knows no base Qwen/Qwen2.5-Coder-7B-Instrukt; did you mean Qwen/Qwen2.5-Coder-7B-Instruct?"
    shutil.copytree(REPOSITORY / "checkpoints/t2q/pico-small", "other/t2q/neox")
    Path("checkpoints").unlink()
    Path("other").rename("checkpoints")
    config = Path("checkpoints/t2q/neox/config.json")
    config.write_text(config.read_text().replace("LlamaForCausalLM", "GPTNeoXForCausalLM"))
    assert wrong("base=t2q/neox")["base"].startswith("base t2q/neox is GPTNeoXForCausalLM; t2q can convert Llama")


@pytest.mark.parametrize(
    ("overrides", "name", "says"),
    [
        (["train.quantize=bnb.nf4"], "device", "train.quantize bnb.nf4 wants an NVIDIA GPU, and none is here"),
        (["train.batch_size=9999"], "training", "train.batch_size 9999 is more than pairs.train 4800"),
        (["pairs.train=40"], "training", "2 training steps are too few"),
        (["train.learning_rate=0.5"], "training", "train.learning_rate 0.5 is outside 1e-06 to 0.01"),
        (["train.learning_rate=1e-8"], "training", "train.learning_rate 1e-08 is outside 1e-06 to 0.01"),
    ],
)
def test_what_litgpt_would_take_without_a_word(overrides: list[str], name: str, says: str) -> None:
    assert wrong(*overrides)[name].startswith(says)


def test_missing_packages_come_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "version", lambda name: "not installed" if name in ("gguf", "requests") else "1")
    assert wrong()["packages"] == "not installed: gguf, requests: run `pip install gguf requests`"


def test_a_disk_that_is_too_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(100, 99, 1 << 20))  # type: ignore[attr-defined]
    assert wrong()["disk"].startswith("0.0 GiB of disk are free; a run takes up to 0.")


def test_files_of_pairs_are_read_and_their_queries_looked_at() -> None:
    Path("pairs.csv").write_text(
        "question,query\nHow many?,SELECT COUNT(*) FROM items\nEmpty it,DELETE FROM items\n"
        "Mayor?,SELECT mayor FROM items\nWhy?,\n"
    )
    recipe = Recipe.load("recipe.yaml", overrides=["pairs.files=[pairs.csv]"])
    found = [(f.ok, f.text) for name, f in findings(Known(recipe)) if name == "files"]
    assert found[0] == (True, "pairs.csv: 4 pairs, 1 of them without an answer")
    assert not found[1][0] and found[1][1].startswith(
        "pairs.csv: 2 queries will not run, such as 'DELETE FROM items': "
    )
    assert wrong("pairs.files=[none.csv]") == {"files": "none.csv is not there"}


def test_what_a_gpu_has_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "nvidia_gpu", lambda: "a GPU")
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    memory = SimpleNamespace(total_memory=1 << 30)
    monkeypatch.setattr("torch.cuda.get_device_properties", lambda _: memory)
    assert wrong("train.devices=2") == {"device": "train.devices is 2, and this machine has 1: lower it"}
    assert not wrong()
    memory.total_memory = 1 << 20
    assert wrong()["device"].startswith("the merged model takes 0 GiB of GPU memory, and a GPU has 0 GiB: take a smal")
