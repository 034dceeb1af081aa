"""`t2q new URL`: looks at a database and writes a recipe for it."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import yaml

from t2q.check import AFTER_A_LOOK, Known, findings
from t2q.databases import open_database
from t2q.databases.credentials import (
    NEO4J_VARIABLES,
    SQL_VARIABLES,
    is_neo4j,
    redact,
    refuse_inline_password,
)
from t2q.errors import RecipeError, T2QError
from t2q.progress import Progress
from t2q.recipe import Recipe
from t2q.schema import Schema, first_names

NAMES_SHOWN = 12

TEMPLATE = """\
# {about}
#   t2q check {path}     t2q run {path}     t2q ask "…" --run {run}
name: {name}
database: {database}
seed: 7                                 # the same seed makes the same questions and weights

pairs:                                  # questions made from the schema and its values
  train: 4800
  validation: 400
  test: 200                             # answerable ones; the unanswerable come on top
  unanswerable: 0.25                    # share that the schema cannot answer: the model learns to decline

train:
  epochs: 1
  batch_size: 16
  learning_rate: 2.5e-3
  lora: {{r: 16, alpha: 32}}

gguf: [q8_0, q4_k_m]                    # quantised files, beside f16

profiles:                               # chosen by what the machine has, or with --profile
  cpu: {{base: t2q/pico}}
  gpu: {{base: Qwen/Qwen2.5-Coder-7B-Instruct, train: {{quantize: bnb.nf4, learning_rate: 2.0e-4}}}}
"""


def new_recipe(url: str, name: str | None, out: Path | None) -> None:
    """Writes the recipe and says what to do next. Raises T2QError where the database cannot be used or a file is there
    already."""
    name = name or default_name(url)
    path = out or Path("recipes") / f"{name}.yaml"
    if path.exists():
        raise T2QError(f"{path} is there already: choose another --name or --out")
    with open_database(url) as database:
        schema = database.schema()
    if not any(e.rows for e in schema.entities):
        raise T2QError(f"{redact(url)} holds no rows: questions are made from stored values, so load data first")
    written = without_secrets(url)
    text = TEMPLATE.format(
        about=about(schema), path=path, run=Path("runs") / name, name=_scalar(name), database=_scalar(written)
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    try:
        recipe = Recipe.load(path)
    except RecipeError:  # a name that cannot be one
        path.unlink()
        raise
    progress = Progress()
    progress.say(f"wrote {path} · {about(schema)}")
    for entity in schema.entities:
        if not entity.rows:
            progress.say(f"{entity.name} has no rows, so there will be few questions about it")
    if written != url:
        names = " and ".join(re.findall(r"\$\{(\w+)\}", written))
        progress.say(f"the recipe holds no credentials: set {names} in the environment or in .env")
    known = Known(recipe, schema)
    wrong = [finding.text for _, finding in findings(known, AFTER_A_LOOK) if not finding.ok]
    for text in wrong:
        progress.say(f"✗ {text}")
    progress.say(f"{len(wrong)} to mend before `t2q run {path}`" if wrong else f"next: t2q run {path}")


def about(schema: Schema) -> str:
    """One line: how much there is, and the first names."""
    kind = "labels" if schema.language == "cypher" else "tables"
    names = [e.name for e in schema.entities]
    shown = " ".join(first_names(names, NAMES_SHOWN).split())  # a name may hold a line break
    return f"{len(names)} {kind}, {sum(e.rows for e in schema.entities)} rows: {shown}"


def default_name(url: str) -> str:
    """From the file, else the database's name, else the host: "sqlite:///data/My Shop.db" gives "my-shop"."""
    rest = re.sub(r"^[\w+.-]+:(//)?", "", redact(url)).split("?")[0].rstrip("/")
    last = unquote(rest.replace("\\", "/").rpartition("/")[2])
    stem = Path(last).stem if "/" in rest or url.startswith("graph:") else last.split(":")[0]
    return re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-") or "database"


def without_secrets(url: str) -> str:
    """The URL as a recipe may hold it: a user and password written out become variables."""
    try:
        refuse_inline_password(url)
    except RecipeError:
        user, password = NEO4J_VARIABLES if is_neo4j(url) else SQL_VARIABLES
        scheme, _, rest = redact(url).partition("://")
        return f"{scheme}://${{{user}}}:${{{password}}}@{rest}"
    return url


def _scalar(text: str) -> str:
    """As YAML writes it: in quotes only where it needs them."""
    return yaml.safe_dump(text, allow_unicode=True, width=10_000).removesuffix("\n").removesuffix("\n...")
