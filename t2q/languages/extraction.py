"""Finding the query in what a model wrote: shared by both languages."""

from __future__ import annotations

import re
from collections.abc import Callable

_THOUGHT = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)
_THOUGHT_END = re.compile(r"\A.*</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_REFUSAL = re.compile(r"\s*I don.t know\b", re.IGNORECASE)
_FENCE = re.compile(r"```[ \t]*\w*[ \t]*\r?\n?(.*?)(?:```|\Z)", re.DOTALL)
# What models write below a query: a paragraph of prose, or the next example of a prompt they go on with.
_PARAGRAPH = re.compile(
    r"#|\*\*|\d+\.\s|[-*]\s|(?:Explanation|Explained|Note|Notes|Question|Answer|Query|Output|Result|Results"
    r"|This|That|The|These|Here|It|In|If|I|We|You|Please|Let)\b(?!\s*\()"
)
_LABEL = re.compile(r"(?:Question|Explanation|Note|Answer)\s*:")
_BLANKS = re.compile(r"\s+")
_BEFORE = re.compile(r"[:`]\s*|\s+")


def extract_query(text: str, starts: re.Pattern[str], end: Callable[[str], int | None]) -> str:
    """The query in `text`, "" where there is none.

    `starts` matches where a statement of the language may begin. `end` gives the position of the first semicolon
    outside strings and comments, or None. A semicolon ends the query unless another statement follows it: then both
    are kept, so that the parser sees, and refuses, several statements.
    """
    text = _THOUGHT_END.sub("", _THOUGHT.sub("", text))
    if _REFUSAL.match(text):
        return ""
    for fenced in _FENCE.findall(text):
        if starts.match(fenced.strip()):
            return _cut(fenced.strip(), starts, end)
    text = text.strip()
    if starts.match(text):
        return _cut(text, starts, end)
    place = _place(text, starts)
    if not place:
        return ""
    query = text[place.end() :]
    if place.group().strip().endswith("`") and "`" in query:  # inline code: the answer is `SELECT 1`, which ...
        line = query.split("\n", 1)[0]
        query = line[: line.rindex("`")] if "`" in line else query
    return _cut(query, starts, end)


def _place(text: str, starts: re.Pattern[str]) -> re.Match[str] | None:
    """What stands before a query within prose: a line break, a colon or a backtick, and blanks."""
    return next(
        (
            before
            for before in _BEFORE.finditer(text)
            if (before[0][0] in ":`" or "\n" in before[0]) and starts.match(text, before.end())
        ),
        None,
    )


def _prose(query: str) -> int | None:
    """Where what is no query begins below it."""
    for blanks in _BLANKS.finditer(query):
        lines = blanks[0].count("\n")
        if (lines > 1 and _PARAGRAPH.match(query, blanks.end())) or (lines and _LABEL.match(query, blanks.end())):
            return blanks.start()
    return None


def _cut(query: str, starts: re.Pattern[str], end: Callable[[str], int | None]) -> str:
    query = query[: _prose(query)]
    stop = end(query)
    if stop is not None and not starts.match(query[stop + 1 :].strip()):
        query = query[:stop]
    return query.strip().rstrip(";").rstrip()
