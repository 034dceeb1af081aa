"""Recipes: every mistake with its line, profiles, overrides. tests/recipes/*.yaml hold what each must say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from t2q import hardware
from t2q.errors import RecipeError
from t2q.recipe import DEFAULT_PROFILES, Recipe

HERE = Path(__file__).parent
BROKEN = sorted((HERE / "recipes").glob("*.yaml"))
SHIPPED = [p for p in sorted((HERE.parent / "recipes").glob("*.yaml")) if not p.name.startswith("pico")]
SEEDS = {
    HERE.parent / "recipes" / "seeds" / f"{name}.yaml": prompt
    for name, prompt in {"text2cypher-2024": "neo4j", "synthetic-cypher": "t2q", "sql-7b": "alpaca"}.items()
}
MINIMAL = "name: shop\ndatabase: sqlite:///data/shop.sqlite\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "nvidia_gpu", lambda: None)


@pytest.mark.parametrize("path", BROKEN, ids=lambda p: p.stem)
def test_every_mistake_is_named_with_its_line(path: Path) -> None:
    expected = re.findall(r"^# error (\d+): (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert expected
    with pytest.raises(RecipeError) as caught:
        Recipe.load(path)
    lines = [f"{path}:{line}: {what}" for line, what in expected]
    head = [f"{len(lines)} mistakes"] if len(lines) > 1 else []
    assert str(caught.value).splitlines() == head + lines


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_shipped_recipes_are_valid_short_and_fit_both_machines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) < 30
    assert Recipe.load(path, "cpu").base == "t2q/pico"
    on_gpu = Recipe.load(path, "gpu")
    assert (on_gpu.train.quantize, on_gpu.train.learning_rate) == ("bnb.nf4", 2e-4)


@pytest.mark.parametrize("path", SEEDS, ids=lambda p: p.stem)
def test_seed_recipes_are_valid_and_say_where_they_are_from(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) < 30 and all(line.startswith("#") for line in lines[:4])
    assert Recipe.load(path, "cpu").base == "t2q/pico"
    on_gpu = Recipe.load(path, "gpu")
    assert not on_gpu.base.startswith("t2q/")
    assert (on_gpu.prompt, on_gpu.train.lora) == (SEEDS[path], Recipe.load(path, "cpu").train.lora)


def test_an_override_is_about_the_profile_that_is_taken() -> None:
    path = HERE.parent / "recipes" / "sql.yaml"
    assert Recipe.load(path, "cpu", ["train.precision=32-true"]).train.precision == "32-true"
    with pytest.raises(RecipeError, match=r"bnb\.nf4 works with precision bf16-true or 16-true only"):
        Recipe.load(path, "gpu", ["train.precision=32-true"])


def test_a_missing_file_and_text_that_is_not_utf8_are_one_line_each(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"gone\.yaml: no such file$"):
        Recipe.load(tmp_path / "gone.yaml")
    (tmp_path / "latin.yaml").write_bytes(MINIMAL.encode() + b"# caf\xe9\n")
    with pytest.raises(RecipeError, match=r"latin\.yaml: cannot be read: not UTF-8 text$"):
        Recipe.load(tmp_path / "latin.yaml")
    with pytest.raises(RecipeError, match="Is a directory"):
        Recipe.load(tmp_path)


def test_a_recipe_without_profiles_gets_the_default_ones(tmp_path: Path) -> None:
    recipe = Recipe.load(write(tmp_path, MINIMAL))
    assert (recipe.base, recipe.profile) == (DEFAULT_PROFILES["cpu"]["base"], "cpu")
    assert recipe.announcement == "profile cpu (no NVIDIA GPU found) · base t2q/pico"


def test_a_base_at_the_top_is_not_overruled_by_default_profiles(tmp_path: Path) -> None:
    recipe = Recipe.load(write(tmp_path, MINIMAL + "base: Qwen/Qwen2.5-Coder-0.5B\n"))
    assert (recipe.base, recipe.profile) == ("Qwen/Qwen2.5-Coder-0.5B", "")


def test_a_gpu_chooses_its_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "nvidia_gpu", lambda: "NVIDIA H100")
    path = write(tmp_path, MINIMAL)
    assert Recipe.load(path).announcement == (
        "profile gpu (NVIDIA H100 found) · base Qwen/Qwen2.5-Coder-7B-Instruct · bnb.nf4"
    )
    assert Recipe.load(path, "cpu").announcement == "profile cpu (asked for) · base t2q/pico"


def test_a_profile_keeps_what_it_does_not_name(tmp_path: Path) -> None:
    text = MINIMAL + "train: {epochs: 5, lora: {r: 4}}\nprofiles: {cpu: {train: {lora: {alpha: 8}}}}\n"
    train = Recipe.load(write(tmp_path, text)).train
    assert (train.epochs, train.lora.r, train.lora.alpha, train.batch_size) == (5, 4, 8, 16)


def test_overrides_win_over_profiles_and_are_yaml(tmp_path: Path) -> None:
    path = write(tmp_path, MINIMAL)
    overrides = ["base=a/b", "train.learning_rate=1e-3", "gguf=[q8_0]", "train.lora.r=4", "train.precision=null"]
    recipe = Recipe.load(path, "gpu", overrides)
    assert (recipe.base, recipe.train.learning_rate, recipe.gguf) == ("a/b", 1e-3, ["q8_0"])
    assert (recipe.train.lora.r, recipe.train.quantize) == (4, "bnb.nf4")


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("train.epochs", "--set train.epochs: write it as key=value, for example --set train.epochs=3"),
        ("gguf=[", "--set gguf=[: the value is not valid YAML"),
        ("train.epoch=3", '--set train.epoch=3: unknown key "train.epoch"; did you mean "train.epochs"?'),
        ("trian.epochs=3", '--set trian.epochs=3: unknown key "trian"; did you mean "train"?'),
        ("train.epochs=x", '--set train.epochs=x: train.epochs must be a whole number, not "x"'),
    ],
)
def test_mistakes_in_overrides_name_the_override(tmp_path: Path, override: str, says: str) -> None:
    with pytest.raises(RecipeError) as caught:
        Recipe.load(write(tmp_path, MINIMAL), overrides=[override])
    assert str(caught.value) == says


def test_an_unknown_profile_lists_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        Recipe.load(write(tmp_path, MINIMAL), "tpu")
    assert str(caught.value) == "--profile tpu: the recipe has no such profile; it has: cpu, gpu"


@pytest.mark.parametrize(
    ("url", "language"),
    [
        ("sqlite:///a.db", "sql"),
        ("postgresql+psycopg://h/x", "sql"),
        ("graph:a.json", "cypher"),
        ("bolt://h:7687", "cypher"),
        ("neo4j+s://h", "cypher"),
    ],
)
def test_the_url_says_the_language(tmp_path: Path, url: str, language: str) -> None:
    assert Recipe.load(write(tmp_path, f"name: x\ndatabase: {url}\n")).language == language


def test_a_part_is_flat(tmp_path: Path) -> None:
    part = Recipe.load(write(tmp_path, MINIMAL)).part(["name", "train.lora", "seed"])
    assert part == {"name": "shop", "train.lora.r": 16, "train.lora.alpha": 32, "train.lora.dropout": 0.0, "seed": 7}
