"""The prompt contract as a chat template that a model's own files carry."""

from __future__ import annotations

from t2q.models.tokenizer import FolderTokenizer
from t2q.prompt import CHAT_TEMPLATE


def chat_template(tokenizer: FolderTokenizer) -> str:
    """Begins with the beginning token where the model wants one: programs that run a template add none themselves."""
    return CHAT_TEMPLATE if tokenizer.bos_id is None else "{{- bos_token -}}" + CHAT_TEMPLATE
