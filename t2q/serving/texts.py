"""What may be asked: text that a model and a database can take."""

from __future__ import annotations

import unicodedata

from t2q.serving.faults import Fault

_WHITE_SPACE = "\t\n\r"


def checked(text: str, what: str, longest: int) -> str:
    """The text without white space around it. Raises Fault; `what` names it, as in "the question"."""
    if len(text) > longest:
        raise Fault(413, "too_long", f"{what} has {len(text)} characters; at most {longest} are taken")
    for character in text:
        if unicodedata.category(character) in ("Cc", "Cs") and character not in _WHITE_SPACE:
            raise Fault(400, "not_text", f"{what} holds the character U+{ord(character):04X}, which is no text")
    if not (text := text.strip()):
        raise Fault(400, "empty", f"{what} is empty")
    return text
