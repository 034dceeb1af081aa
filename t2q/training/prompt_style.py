"""The prompt contract as LitGPT wants it."""

from __future__ import annotations

from typing import Any

from litgpt.prompts import PromptStyle

from t2q.prompt import render


class T2QPrompt(PromptStyle):
    """`instruction` is the question, `input` the database text.

    LitGPT stores a style by its class path only, so it takes no arguments.
    """

    def apply(self, prompt: str, *, sys_prompt: str | None = None, **kwargs: Any) -> str:
        return render(kwargs["input"], prompt)
