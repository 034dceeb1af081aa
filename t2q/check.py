"""`t2q check`: finds in seconds what would fail a run later. One function a check, each told what is known so far."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from t2q.bases import base_folder, is_here
from t2q.data.importers.spider import read_spider
from t2q.databases.urls import spider_folder
from t2q.errors import QueryError, RecipeError, T2QError
from t2q.fingerprint import OWN_BASES
from t2q.hardware import nvidia_gpu
from t2q.languages import language_for
from t2q.languages.refusing import refuse
from t2q.manifest import version
from t2q.progress import Progress
from t2q.recipe import Recipe
from t2q.run import Planned
from t2q.schema import Schema
from t2q.stages import STAGES

if TYPE_CHECKING:
    from t2q.hub import OnHub

ROOM = 256  # tokens for a question and its query beside the schema
SIZES_ON_DISK = 5  # merged, HF, f16, q8_0 and q4_k_m, together in sizes of the base's weights
FEW_STEPS = 10
LEARNING_RATES = (1e-6, 1e-2)  # beyond these, LoRA learns nothing or falls apart


@dataclass
class Known:
    """What earlier checks found out for later ones."""

    recipe: Recipe
    schema: Schema | None = None
    folder: Path | None = None
    on_hub: OnHub | None = None  # the base, where it is not here
    asked: Sequence[int] = ()  # questions to train on, about each database, where they are not made


@dataclass(frozen=True)
class Finding:
    ok: bool
    text: str


Check = Callable[[Known], Iterator[Finding]]


def database(known: Known) -> Iterator[Finding]:
    """The database opens, and holds rows to make questions from; of several, the questions are there."""
    from t2q.databases import open_database

    if folder := spider_folder(known.recipe.database):
        train, test = (list(read_spider(folder / f"{name}.jsonl", folder / "database")) for name in ("train", "dev"))
        known.asked = [len(d.pairs) for d in train]
        asked = sum(len(d.pairs) for d in test)
        yield Finding(
            True,
            f"{folder}: {sum(known.asked)} questions about {len(train)} databases to train on, "
            f"{asked} about {len(test)} others to test",
        )
        return
    with open_database(known.recipe.database) as opened:
        schema = opened.schema()
        url = opened.url
    rows = sum(e.rows for e in schema.entities)
    kind = "labels" if schema.language == "cypher" else "tables"
    if not rows:
        yield Finding(
            False, f"{url} has {len(schema.entities)} {kind} but no rows: questions are made from stored values"
        )
        return
    known.schema = schema
    yield Finding(True, f"{url}: {len(schema.entities)} {kind}, {len(schema.links)} links, {rows} rows")


def files(known: Known) -> Iterator[Finding]:
    """The files of pairs are there and well-formed, and their queries read what the schema has."""
    from t2q.data.importers.plain import read_plain

    for name in known.recipe.pairs.files:
        try:
            pairs = [pair for _, pair in read_plain(Path(name))]
        except RecipeError as error:
            yield from (Finding(False, line) for line in str(error).splitlines())
            continue
        refusals = sum(not pair.answerable for pair in pairs)
        yield Finding(True, f"{name}: {len(pairs)} pairs, {refusals} of them without an answer")
        wrong = [f"{pair.query!r}: {reason}" for pair in pairs if (reason := _will_not_run(pair.query, known.schema))]
        if wrong:
            yield Finding(False, f"{name}: {len(wrong)} queries will not run, such as {wrong[0]}")


def _will_not_run(query: str, schema: Schema | None) -> str:
    """Why not, as far as can be told without running it; "" where nothing is known against it."""
    if not query or schema is None:
        return ""
    try:
        refuse(query, schema, language_for(schema.dialect))
    except QueryError as error:
        return str(error)
    return ""


def base(known: Known) -> Iterator[Finding]:
    """The base is here, or can be fetched; it is of a family that can be converted, and so is its tokenizer."""
    from t2q.conversion.gguf_vocabulary import check_tokenizer
    from t2q.families import architecture, litgpt_context, refusals
    from t2q.models.tokenizer import FolderTokenizer, read_json

    name = known.recipe.base
    if not is_here(name) and not name.startswith(OWN_BASES):
        yield from _on_hub(known, name)
        return
    folder = base_folder(name)
    config = read_json(folder / "config.json")
    lit_config = yaml.safe_load((folder / "model_config.yaml").read_text(encoding="utf-8"))
    if wrong := list(refusals(config, lit_config)):
        yield from (Finding(False, f"base {name} {why}") for why in wrong)
        return
    tokenizer = FolderTokenizer(folder)
    if not tokenizer.begins_as_litgpt():
        yield Finding(
            False,
            f"base {name}: its tokenizer and LitGPT disagree on whether a text begins with a beginning token: "
            f"write add_bos_token, true or false, into {folder}/tokenizer_config.json",
        )
        return
    check_tokenizer(folder, config["vocab_size"], tokenizer)
    known.folder = folder
    yield Finding(True, f"base {name}: {architecture(config)} in {folder}, reads {litgpt_context(lit_config)} tokens")


def _on_hub(known: Known, name: str) -> Iterator[Finding]:
    """A base that is not here: the hub gives it, and what config.json says of it can be converted."""
    from litgpt.config import Config

    from t2q.families import architecture, refusals
    from t2q.hub import look

    there = look(name)
    if wrong := list(refusals(there.config, asdict(Config.from_name(name.rpartition("/")[2])))):
        yield from (Finding(False, f"base {name} {why}") for why in wrong)
        return
    known.on_hub = there
    size = f"{there.bytes / 2**30:.1f} GiB"
    yield Finding(True, f"base {name}: {architecture(there.config)}, not here yet, `t2q run` downloads it ({size})")


def prompts(known: Known) -> Iterator[Finding]:
    """The schema and a question fit the base's context."""
    if known.schema is None or known.folder is None:
        return
    from t2q.families import litgpt_context
    from t2q.models.tokenizer import FolderTokenizer
    from t2q.prompt import database_text

    tokens = len(FolderTokenizer(known.folder).encode(database_text(known.schema)))
    context = litgpt_context(yaml.safe_load((known.folder / "model_config.yaml").read_text(encoding="utf-8")))
    text = f"the schema takes {tokens} tokens of the base's {context}"
    if tokens + ROOM > context:
        yield Finding(
            False,
            f"{text} and leaves too few for questions (they want {ROOM}): give access to fewer tables, "
            "for example through a database user or a copy, or take a base with a longer context",
        )
    else:
        yield Finding(True, text)


def training(known: Known) -> Iterator[Finding]:
    """Numbers that LitGPT would take without a word and train nothing with."""
    train = known.recipe.train
    lowest, highest = LEARNING_RATES
    if not lowest <= train.learning_rate <= highest:
        yield Finding(
            False,
            f"train.learning_rate {train.learning_rate:g} is outside {lowest:g} to {highest:g}: try 2.5e-3 or 2e-4",
        )
    if spider_folder(known.recipe.database) and not known.asked:
        return  # how much is asked about each database is not known yet
    asked = known.asked or [known.recipe.pairs.train]
    if train.batch_size > max(asked):
        told = "any database has questions" if known.asked else f"pairs.train {max(asked)}"
        yield Finding(False, f"train.batch_size {train.batch_size} is more than {told}: lower it")
        return
    steps = train.epochs * sum(number // train.batch_size for number in asked)
    if steps < FEW_STEPS:
        yield Finding(
            False,
            f"{steps} training steps are too few (warm-up takes a tenth of them): "
            "raise train.epochs or pairs.train, or lower train.batch_size",
        )
    elif lowest <= train.learning_rate <= highest:
        yield Finding(True, f"{steps} steps of {train.batch_size} pairs, learning rate {train.learning_rate:g}")


def device(known: Known) -> Iterator[Finding]:
    """What the profile asks of the machine."""
    train = known.recipe.train
    gpu = nvidia_gpu()
    if train.quantize and not gpu:
        yield Finding(
            False,
            f"train.quantize {train.quantize} wants an NVIDIA GPU, and none is here: "
            "take --profile cpu, or --set train.quantize=null",
        )
        return
    if gpu:
        import torch

        if not torch.cuda.is_available():
            yield Finding(
                False, f"{gpu} is here, but this torch ({torch.__version__}) cannot use it: install a CUDA build"
            )
            return
        if train.devices > (there := torch.cuda.device_count()):
            yield Finding(False, f"train.devices is {train.devices}, and this machine has {there}: lower it")
            return
        weights, memory = _weights(known), torch.cuda.get_device_properties(0).total_memory
        if weights > memory:  # nf4 may train it, but what is merged is loaded whole
            yield Finding(
                False,
                f"the merged model takes {weights / 2**30:.0f} GiB of GPU memory, and {gpu} has "
                f"{memory / 2**30:.0f} GiB: take a smaller base",
            )
            return
    yield Finding(True, f"{gpu or 'CPU'}, {os.cpu_count()} cores")


def packages(known: Known) -> Iterator[Finding]:
    """Everything that some stage imports is installed; `requests` is what LitGPT wants at the end of training."""
    wanted = {tool for stage in STAGES for tool in stage.tools} | {"requests"}
    if known.recipe.language == "sql":
        wanted -= {"neo4j", "arcadedb-embedded"}
    elif not known.recipe.database.startswith("graph:"):
        wanted -= {"arcadedb-embedded"}
    if not known.recipe.train.quantize:
        wanted -= {"bitsandbytes"}
    missing = sorted(tool for tool in wanted if version(tool) == "not installed")
    if importlib.util.find_spec("requests") is None and "requests" not in missing:
        missing.append("requests")
    if missing:
        yield Finding(False, f"not installed: {', '.join(missing)}: run `pip install {' '.join(missing)}`")
    else:
        yield Finding(True, f"{len(wanted)} packages are installed")


def _weights(known: Known) -> int:
    """Bytes of the base's weights, here or as published; 0 where they are not known."""
    if known.folder is None:
        return known.on_hub.weights if known.on_hub else 0
    files = [*known.folder.glob("*.pth"), *known.folder.glob("*.safetensors")]
    return max((file.stat().st_size for file in files), default=0)


def disk(known: Known) -> Iterator[Finding]:
    """There is room for the weights in all their forms, and the run's folder can be written."""
    place = known.recipe.run_dir
    while not place.exists() and place.parent != place:
        place = place.parent
    if not os.access(place, os.W_OK):
        yield Finding(False, f"{place.resolve()} cannot be written: run in a folder of your own")
        return
    free = shutil.disk_usage(place).free
    weights = _weights(known)
    fetched = known.on_hub.bytes + weights if known.on_hub and not known.folder else 0  # as published, and converted
    needed = fetched + SIZES_ON_DISK * weights + (256 << 20)
    text = f"{free / 2**30:.1f} GiB of disk are free; a run takes up to {needed / 2**30:.1f} GiB"
    yield Finding(free > needed, text if free > needed else f"{text}: free some space")


AFTER_A_LOOK: tuple[Check, ...] = (base, prompts, training, device, packages, disk)  # at the database, its schema known
CHECKS: tuple[Check, ...] = (database, files, *AFTER_A_LOOK)
AT_ONCE: tuple[Check, ...] = (base, training, device, packages, disk)


def findings(known: Known, checks: Sequence[Check] = CHECKS) -> Iterator[tuple[str, Finding]]:
    """The name of each check with what it found. An error in a check is its finding."""
    for check in checks:
        try:
            for finding in check(known):
                yield check.__name__, finding
        except T2QError as error:
            yield check.__name__, Finding(False, str(error))
        except Exception as error:  # a damaged file of the base, mostly, in the words of who read it
            yield check.__name__, Finding(False, " ".join(f"{type(error).__name__}: {error}".split()))


def takes_base(planned: Sequence[Planned]) -> bool:
    """Whether any stage is to run that takes a base."""
    return any(step.reasons for step in planned if step.stage.name != "prepare")


def in_the_way(recipe: Recipe, planned: Sequence[Planned]) -> list[str]:
    """What a run can know to be wrong before its first stage, where it takes a base."""
    if not takes_base(planned):
        return []
    return [finding.text for _, finding in findings(Known(recipe), AT_ONCE) if not finding.ok]


def before_the_hours_are_spent(recipe: Recipe, planned: Sequence[Planned], progress: Progress) -> None:
    """Raises RecipeError where something is in the way of a run; fetches its base where that is not here yet."""
    _refuse(in_the_way(recipe, planned))
    if takes_base(planned) and not is_here(recipe.base):
        from t2q.download import fetch

        fetch(recipe.base, progress)
        _refuse(in_the_way(recipe, planned))  # by what only the files themselves say


def _refuse(wrong: Sequence[str]) -> None:
    if wrong:
        raise RecipeError("\n".join(wrong))


def check_recipe(path: Path, profile: str | None, overrides: Sequence[str]) -> bool:
    """Prints a line for everything checked; True where a run may start."""
    progress = Progress()
    try:
        recipe = Recipe.load(path, profile, overrides)
    except RecipeError as error:
        lines = str(error).splitlines()
        for line in lines if len(lines) == 1 else lines[1:]:
            progress.say(f"✗ {'recipe':9} {line}")
        return False
    progress.say(recipe.announcement)
    progress.say(f"✓ {'recipe':9} {path} is valid; the run is {recipe.run_dir}")
    wrong = 0
    for name, finding in findings(Known(recipe)):
        wrong += not finding.ok
        progress.say(f"{'✓' if finding.ok else '✗'} {name:9} {finding.text}")
    progress.say(f"{wrong} to mend before `t2q run {path}`" if wrong else f"ready: t2q run {path}")
    return not wrong
