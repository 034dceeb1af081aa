"""Finding the query in what a model wrote: shared by both languages."""

from __future__ import annotations

import re
from collections.abc import Callable

_THOUGHT = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)
_THOUGHT_END = re.compile(r"\A.*</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_REFUSAL = re.compile(r"\s*I don.t know\b", re.IGNORECASE)
_FENCE = re.compile(r"```[ \t]*\w*[ \t]*\r?\n?(.*?)(?:```|\Z)", re.DOTALL)
# What models write below a query: a paragraph of prose, or the next example of a prompt they go on with.
_AFTER = re.compile(
    r"\n\s*\n\s*(?:#|\*\*|\d+\.\s|[-*]\s|(?:Explanation|Explained|Note|Notes|Question|Answer|Query|Output|Result|Results"
    r"|This|That|The|These|Here|It|In|If|I|We|You|Please|Let)\b(?!\s*\())"
    r"|\n\s*(?:Question|Explanation|Note|Answer)\s*:"
)


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
    place = re.search(r"(?:\n\s*|[:`]\s*)(?=" + starts.pattern + ")", text, starts.flags)
    if not place:
        return ""
    query = text[place.end() :]
    if place.group().strip().endswith("`") and "`" in query:  # inline code: the answer is `SELECT 1`, which ...
        line = query.split("\n", 1)[0]
        query = line[: line.rindex("`")] if "`" in line else query
    return _cut(query, starts, end)


def _cut(query: str, starts: re.Pattern[str], end: Callable[[str], int | None]) -> str:
    after = _AFTER.search(query)
    if after:
        query = query[: after.start()]
    stop = end(query)
    if stop is not None and not starts.match(query[stop + 1 :].strip()):
        query = query[:stop]
    return query.strip().rstrip(";").rstrip()
