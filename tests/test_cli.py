"""The command line: help, exit codes, errors as one line on stderr."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import t2q
from t2q.cli import app

VERBS = ["run", "check", "new", "ask", "serve", "pretrain"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_help_lists_every_verb() -> None:
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0
    assert [name for name in VERBS if f"\n  {name} " not in result.output] == []
    assert len(app.registered_commands) == len(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_examples(verb: str) -> None:
    result = CliRunner().invoke(app, [verb, "--help"])
    assert result.exit_code == 0
    assert f"Examples:\n    t2q {verb}" in result.output


def test_version() -> None:
    assert CliRunner().invoke(app, ["--version"]).output == f"{t2q.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "gone.yaml"], "error: gone.yaml: no such file"),
        (["run", "list.yaml"], "error: list.yaml:1: a recipe is a mapping of keys to values, such as `name: shop-sql`"),
        (
            ["run", "good.yaml", "--from", "trian"],
            "error: --from trian: no such stage; the stages are prepare, train, ",
        ),
        (["run", "good.yaml", "--profile", "tpu"], "error: --profile tpu: the recipe has no such profile; it has: "),
        (["run", "good.yaml", "--dry-run"], "error: no database file gone.sqlite "),
        (["new", "sqlite:///gone.sqlite"], "error: no database file gone.sqlite "),
        (["new", "shop.sqlite"], "error: shop.sqlite is not a database URL: write for example sqlite:///data/"),
        (["new", "list.yaml"], "error: list.yaml is not a database URL: write for example sqlite:///list.yaml"),
        (["run", "base.yaml"], "error: base.yaml is the recipe of a base model: use `t2q pretrain base.yaml`"),
    ],
)
def test_a_users_mistake_is_one_line_on_stderr_and_exit_code_1(arguments: list[str], says: str) -> None:
    Path("list.yaml").write_text("- name: shop\n")
    Path("base.yaml").write_text("name: pico\ntokenizer: {vocabulary: 4096}\n")
    Path("good.yaml").write_text("name: shop\ndatabase: sqlite:///gone.sqlite\n")
    result = CliRunner().invoke(app, arguments)
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1), result.output
    assert result.stderr.startswith(says)


def test_several_mistakes_are_a_line_each() -> None:
    Path("bad.yaml").write_text("nam: shop\ndatabase: sqlite:///a\n")
    result = CliRunner().invoke(app, ["run", "bad.yaml"])
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "error: 2 mistakes",
        'bad.yaml:1: "name" is missing',
        'bad.yaml:1: unknown key "nam"; did you mean "name"?',
    ]


def test_the_model_of_a_run_is_called_base() -> None:
    Path("bad.yaml").write_text("name: shop\ndatabase: sqlite:///a\nmodel: t2q/pico\n")
    result = CliRunner().invoke(app, ["run", "bad.yaml"])
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert result.stderr.startswith('error: bad.yaml:3: unknown key "model"')


def test_a_file_that_is_in_the_way_is_one_line() -> None:
    Path("good.yaml").write_text("name: shop\ndatabase: sqlite:///there.sqlite\n")
    Path("there.sqlite").touch()
    Path("runs").write_text("")
    result = CliRunner().invoke(app, ["run", "good.yaml"])
    assert (result.exit_code, result.stderr) == (1, "error: runs/shop: Not a directory\n")


def test_the_module_runs_and_an_unknown_option_is_exit_code_2() -> None:
    done = subprocess.run([sys.executable, "-m", "t2q", "run", "--fast"], capture_output=True, text=True)
    assert done.returncode == 2 and "--fast" in done.stderr and "Traceback" not in done.stderr


def test_a_mistake_of_our_own_is_one_line_too_and_its_traceback_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("t2q.new.new_recipe", lambda *_: {}["missing"])
    result = CliRunner().invoke(app, ["new", "sqlite:///x.db"])
    assert result.exit_code == 1 and result.stderr.count("\n") == 1
    kept = re.fullmatch(
        r"error: KeyError: 'missing'; this is a mistake in t2q: please report it with (.+)\n", result.stderr
    )
    assert kept and "Traceback" in Path(kept[1]).read_text()
    Path(kept[1]).unlink()
