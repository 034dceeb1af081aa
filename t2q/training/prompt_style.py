"""The prompt contract as LitGPT wants it."""

from __future__ import annotations

from typing import Any

from litgpt.prompts import PromptStyle

from t2q.prompt import ALPACA, NEO4J, OWN, render


class T2QPrompt(PromptStyle):
    """`instruction` is the question, `input` the database text.

    LitGPT stores a style by its class path only, so it takes no arguments; for the sample answer that it writes now
    and then it gives no `input`.
    """

    style = OWN

    def apply(self, prompt: str, *, sys_prompt: str | None = None, **kwargs: Any) -> str:  # noqa: ARG002
        return render(kwargs.get("input", ""), prompt, self.style)


class Neo4jPrompt(T2QPrompt):
    style = NEO4J


class AlpacaPrompt(T2QPrompt):
    style = ALPACA


PROMPTS = {prompt.style.name: prompt for prompt in (T2QPrompt, Neo4jPrompt, AlpacaPrompt)}
