"""The run engine with tiny stages: what runs again and why, interruptions at any moment, clear failures."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from t2q import manifest
from t2q.errors import ParityError, RecipeError, StageError, T2QError
from t2q.manifest import Manifest
from t2q.progress import Progress
from t2q.recipe import Log, Recipe, part_of_run
from t2q.run import Run
from tests.fake_stages import FAKE

NAMES = [s.name for s in FAKE]
RECIPE = "name: shop\ndatabase: sqlite:///shop.sqlite\nbase: t2q/pico-small\n"
HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a recipe and a database file; nothing asks the fakes to fail."""
    monkeypatch.chdir(tmp_path)
    for name in ("FAKE_PAUSE", "FAKE_FAIL"):
        monkeypatch.delenv(name, raising=False)
    Path("recipe.yaml").write_text(RECIPE)
    Path("shop.sqlite").write_bytes(b"rows")
    return tmp_path


def engine(*overrides: str) -> Run:
    return Run(Recipe.load("recipe.yaml", overrides=overrides), Progress(), FAKE)


def reasons(run: Run, first: str | None = None, last: str | None = None) -> dict[str, list[str]]:
    return {p.stage.name: list(p.reasons) for p in run.plan(first, last) if p.reasons}


def command(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(HERE / "fake_stages.py"), *arguments],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # what is started in the background ignores Ctrl-C, and hands that on
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def wait_for_pause(alive: Callable[[], bool]) -> None:
    """Until the run is half-way through the stage that it was told to pause in."""
    deadline = time.monotonic() + 200
    while not Path("runs/shop/paused").exists():
        assert alive() and time.monotonic() < deadline
        time.sleep(0.02)
    Path("runs/shop/paused").unlink()


@contextmanager
def run_paused_in(stage: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A run in another process that is half-way through a stage; killed with SIGKILL at the end."""
    with monkeypatch.context() as patch:
        patch.setenv("FAKE_PAUSE", stage)
        run = multiprocessing.get_context("fork").Process(target=lambda: engine().execute())
        run.start()
    try:
        wait_for_pause(run.is_alive)
        yield
    finally:
        run.kill()
        run.join()


def artifacts(run: Path) -> dict[str, str]:
    read = {name: Manifest.read(run / name) for name in NAMES}
    return {name: m.digest for name, m in read.items() if m}


def test_a_run_leaves_artifacts_with_manifests_and_is_up_to_date_then() -> None:
    assert reasons(engine()) == {name: ["not there yet"] for name in NAMES}
    assert not Path("runs").exists()
    engine().execute()
    assert reasons(engine()) == {}
    found = Manifest.read(Path("runs/shop/train"))
    assert found and (found.seed, found.profile, found.facts) == (7, "", {"tries": 1})
    assert set(found.files) == {"deep/made.txt"}
    assert found.peak_memory_bytes > 10 << 20 and found.wall_seconds > 0 and found.started <= found.finished
    read = json.loads(Path("runs/shop/prepare/manifest.json").read_text())
    assert read["recipe"]["database"] == "sqlite:///shop.sqlite"
    assert set(read["outside"]) == {"database content", "how questions are made"}
    assert found.ingredients.versions["pyyaml"] and found.ingredients.versions["prompt"]
    left = {p.name for p in Path("runs/shop").iterdir()} - set(NAMES)
    assert left == {".lock", ".scratch", "recipe.json", "report.json", "report.html"}
    assert not list(Path("runs/shop/.scratch").iterdir())


@pytest.mark.parametrize(
    ("override", "runs", "why"),
    [
        ("train.epochs=4", "train", "recipe: train.epochs changed 1 → 4"),
        ("pairs.test=50", "prepare", "recipe: pairs.test changed 200 → 50"),
        ("gguf=[q8_0]", "quantize", 'recipe: gguf changed ["q8_0", "q4_k_m"] → ["q8_0"]'),
        ("limits.hf=0.1", "evaluate", "recipe: limits.hf changed 0.005 → 0.1"),
    ],
)
def test_only_what_depends_on_a_change_runs_again(override: str, runs: str, why: str) -> None:
    engine().execute()
    before = {name: Path("runs/shop", name, "manifest.json").stat().st_mtime_ns for name in NAMES}
    changed = engine(override)
    planned = reasons(changed)
    assert next(iter(planned)) == runs and planned[runs] == [why]
    changed.execute()
    after = {name: Path("runs/shop", name, "manifest.json").stat().st_mtime_ns for name in NAMES}
    assert {n for n in NAMES if before[n] != after[n]} <= set(planned)
    assert before[runs] != after[runs] and reasons(engine(override)) == {}


def test_where_questions_are_kept_changes_no_stage_and_stands_in_the_run_folder() -> None:
    folder = Path("runs/shop")
    engine().execute()
    written = (folder / "recipe.json").stat().st_mtime_ns
    engine().execute()
    assert (folder / "recipe.json").stat().st_mtime_ns == written
    assert part_of_run(folder, "log", Log) == Log()
    changed = engine("log.keep_days=30", "log.database=bolt://log.example:7687")
    assert reasons(changed) == {}
    changed.execute()
    assert part_of_run(folder, "log", Log) == Log(database="bolt://log.example:7687", keep_days=30)
    kept = Recipe.model_validate_json((folder / "recipe.json").read_text())
    assert kept.model_dump() == changed.recipe.model_dump()


def test_reasons_name_inputs_versions_content_and_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    engine().execute()
    Path("shop.sqlite").write_bytes(b"other rows")
    planned = reasons(engine())
    assert planned["prepare"] == ["database content changed"]
    assert planned["train"] == ["input prepare runs again"]
    Path("shop.sqlite").write_bytes(b"rows")

    installed = manifest.version("pyyaml")
    with monkeypatch.context() as patch:
        patch.setattr(manifest, "version", lambda _: "99.0")
        assert reasons(engine())["hf"][0] == f"pyyaml {installed} → 99.0"

    Path("runs/shop/merge/deep/made.txt").write_text("cut")
    assert reasons(engine())["merge"] == [f"{Path('runs/shop/merge/deep/made.txt')} was changed"]
    shutil.rmtree("runs/shop/merge/deep")
    assert reasons(engine())["merge"] == [f"{Path('runs/shop/merge/deep/made.txt')} is missing"]
    Path("runs/shop/merge/manifest.json").write_text("{")
    assert reasons(engine())["merge"] == ["not there yet"]


def test_an_input_that_comes_out_the_same_leaves_the_rest_alone() -> None:
    engine().execute()
    before = Path("runs/shop/train/manifest.json").stat().st_mtime_ns
    shutil.rmtree("runs/shop/prepare")
    assert reasons(engine())["train"] == ["input prepare changed", "input prepare runs again"]
    engine().execute()
    assert Path("runs/shop/train/manifest.json").stat().st_mtime_ns == before


def test_from_and_to() -> None:
    engine().execute(last="hf")
    assert list(artifacts(Path("runs/shop"))) == ["prepare", "train", "merge", "hf"]
    assert reasons(engine(), "merge", "hf") == {"merge": ["--from"], "hf": ["--from", "input merge runs again"]}
    with pytest.raises(RecipeError, match="--to trian: no such stage; the stages are prepare, train, merge"):
        engine().plan(last="trian")
    with pytest.raises(RecipeError, match="--from hf comes after --to train"):
        engine().plan("hf", "train")


@pytest.mark.parametrize("stage", NAMES)
def test_a_run_killed_in_any_stage_goes_on_to_the_same_artifacts(
    stage: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with run_paused_in(stage, monkeypatch):
        pass
    assert list(Path("runs/shop").glob(f".tmp-{stage}-*/deep/made.txt")), "nothing was left half-done"
    assert stage not in artifacts(Path("runs/shop"))
    engine().execute()
    out = capsys.readouterr().out
    for name in NAMES[: NAMES.index(stage)]:
        assert f"✓ {name}: up to date" in out
    assert not list(Path("runs/shop").glob(".tmp-*"))
    found = Manifest.read(Path("runs/shop") / stage)
    assert found and found.facts["tries"] == 2, "the scratch folder was not kept"
    interrupted = artifacts(Path("runs/shop"))
    shutil.rmtree("runs")
    engine().execute()
    assert interrupted == artifacts(Path("runs/shop"))


def test_scratch_of_another_key_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    with run_paused_in("train", monkeypatch):
        pass
    engine("train.epochs=9").execute()
    found = Manifest.read(Path("runs/shop/train"))
    assert found and found.facts["tries"] == 1


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interruption_is_one_line(number: signal.Signals, code: int) -> None:
    """Ctrl-C, or a machine that is about to be taken away."""
    run = command("run", "recipe.yaml", FAKE_PAUSE="train")
    wait_for_pause(lambda: run.poll() is None)
    run.send_signal(number)
    _, err = run.communicate(timeout=200)
    assert (run.returncode, err) == (code, "interrupted in train; `t2q run recipe.yaml` goes on from there\n")
    assert not list(Path("runs/shop").glob(".tmp-*"))


def test_a_second_run_at_the_same_time_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        run_paused_in("train", monkeypatch),
        pytest.raises(T2QError, match=r"another t2q run is at work in runs/shop: wait for it or stop it first"),
    ):
        engine().execute()
    engine().execute()


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("memory", "train: out of memory; a smaller train.batch_size needs less"),
        ("bug", "train failed: KeyError: 'missing'; details: runs/shop/run.log"),
        ("full", "train: the disk is full (runs/shop); free some space and run again"),
        ("child", "the child was killed by SIGKILL (out of memory?); output: runs/shop/child.log"),
        ("check_call", "train: a child process was killed by SIGKILL (out of memory?)"),
    ],
)
def test_a_failing_stage_is_one_line_and_leaves_nothing(how: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_FAIL", f"train:{how}")
    with pytest.raises(StageError) as caught:
        engine().execute()
    assert str(caught.value) == says
    assert list(artifacts(Path("runs/shop"))) == ["prepare"]
    assert not list(Path("runs/shop").glob(".tmp-*"))
    if how == "bug":
        assert "Traceback" in Path("runs/shop/run.log").read_text()
    monkeypatch.delenv("FAKE_FAIL")
    engine().execute()


def test_a_step_that_lost_too_much_fails_but_keeps_its_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_FAIL", "evaluate:short")
    for _ in range(2):  # the second time without doing anything again
        with pytest.raises(ParityError, match=r"q4_k_m lost 0\.030, more than 0\.020"):
            engine().execute()
        assert Path("runs/shop/report.json").is_file()
    assert reasons(engine()) == {}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk], capture_output=True)
    if mounted.returncode:
        pytest.skip("a small disk cannot be mounted here")
    yield disk
    os.chdir(tmp_path)
    subprocess.run(["umount", disk], check=True)


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="mounting a small disk takes root on Linux")
def test_a_disk_that_fills_up_is_one_line_and_the_run_goes_on_later(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("recipe.yaml", "shop.sqlite"):
        shutil.copy(name, small_disk)
    os.chdir(small_disk)
    engine().execute(last="train")
    with pytest.raises(OSError), (small_disk / "filler").open("wb", buffering=0) as filler:
        while True:
            filler.write(b"x" * 4096)
    with pytest.raises(StageError, match="merge: the disk is full"):
        engine().execute()
    (small_disk / "filler").unlink()
    engine().execute(last="gguf")
    monkeypatch.setenv("FAKE_FAIL", "quantize:child_fills")
    with pytest.raises(StageError, match=r"the child failed .*; the disk is full \(runs/shop\); free some space"):
        engine().execute()
    monkeypatch.delenv("FAKE_FAIL")
    (small_disk / "filler").unlink()
    engine().execute()
    assert list(artifacts(Path("runs/shop"))) == NAMES


def test_no_password_is_in_the_run_folder_whatever_a_driver_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("T2Q_DB_PASSWORD", "s3cret/word")
    monkeypatch.setenv("FAKE_FAIL", "train:driver")
    with pytest.raises(StageError, match="train failed: RuntimeError"):
        engine().execute()
    kept = {p: p.read_bytes() for p in Path("runs").rglob("*") if p.is_file()}
    assert b"cannot connect to server://me:***@host" in kept[Path("runs/shop/run.log")]
    assert not [p for p, text in kept.items() if b"s3cret" in text]


def test_published_files_come_back_when_they_are_lost() -> None:
    engine().execute()
    Path("runs/shop/report.json").unlink()
    engine().execute()
    assert json.loads(Path("runs/shop/report.json").read_text())["name"] == "shop"


def test_the_command_announces_prints_the_table_and_imports_little_when_nothing_changed() -> None:
    first = command("run", "recipe.yaml")
    out, err = first.communicate(timeout=200)
    assert first.returncode == 0, err
    assert out.splitlines()[0] == "no profiles · base t2q/pico-small"
    assert "8 answerable and 2 unanswerable questions" in out and "87.5 %" in out
    second = command("run", "recipe.yaml", PYTHONPROFILEIMPORTTIME="1")
    again, imports = second.communicate(timeout=200)
    assert again.count("up to date") == len(NAMES) and "87.5 %" in again
    heavy = {"torch", "litgpt", "transformers", "llama_cpp", "sqlalchemy", "neo4j", "numpy"}
    assert not heavy & set(re.findall(r"\| +([a-z0-9_]+)$", imports, re.MULTILINE))


def test_dry_run_prints_what_would_run_and_why() -> None:
    engine().execute()
    run = command("run", "recipe.yaml", "--dry-run", "--set", "train.epochs=4")
    out, err = run.communicate(timeout=200)
    assert run.returncode == 0, err
    assert "recipe: train.epochs changed 1 → 4" in out and "input train runs again" in out
    assert "✗" not in out
    assert reasons(engine()) == {}, "a dry run changed something"
    out, err = command("run", "recipe.yaml", "--dry-run", "--set", "base=t2q/gone").communicate(timeout=200)
    assert "✗ base t2q/gone is not in checkpoints" in out, out + err


def test_a_tool_that_a_stage_newly_uses_is_a_reason() -> None:
    engine().execute()
    newer = tuple(replace(s, tools=("pyyaml", "rich")) if s.name == "hf" else s for s in FAKE)
    planned = Run(Recipe.load("recipe.yaml"), Progress(), newer).plan()
    why = next(p.reasons for p in planned if p.stage.name == "hf")
    assert why == (f"rich not set → {manifest.version('rich')}",)
