"""What Prometheus is told: https://prometheus.io/docs/practices/naming/."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector, generate_latest

from t2q.answering.answer import Answer

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0)


class Metrics:
    """Of one server; every one has a registry of its own."""

    def __init__(self, run: str, model: str, version: str) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        Info("t2q", "What is served.", registry=registry).info({"run": run, "model": model, "version": version})
        self._questions = Counter(
            "t2q_questions",
            "Questions by outcome: answered, abstained (by kind), failed (by kind), cancelled.",
            ("outcome", "kind"),
            registry=registry,
        )
        self._refused = Counter(
            "t2q_refused_requests", "Requests that were not taken.", ("status", "code"), registry=registry
        )
        self._unlogged = Counter("t2q_log_failures", "Answers that the log did not keep.", registry=registry)
        self._tokens = Counter("t2q_tokens", "Tokens of prompts and of answers.", ("kind",), registry=registry)
        self._steps = {
            step: Histogram(f"t2q_{name}_seconds", what, buckets=_SECONDS, registry=registry)
            for step, name, what in (
                ("write", "write", "Seconds in which a query was written."),
                ("run", "run", "Seconds in which a query was run."),
                ("whole", "question", "Seconds from a question's arrival to its answer, waiting included."),
            )
        }

    def watch(self, waiting: Callable[[], float], in_flight: Callable[[], float]) -> None:
        """Where to look for what changes all the time."""
        for name, what, look in (
            ("t2q_questions_waiting", "Questions that wait for their turn.", waiting),
            ("t2q_questions_in_flight", "Questions that are being answered.", in_flight),
        ):
            Gauge(name, what, registry=self._registry).set_function(look)

    def answered(self, found: Answer, seconds: float) -> None:
        self._questions.labels("abstained" if found.abstained else "answered", found.kind).inc()
        for step, took in {**found.seconds, "whole": seconds}.items():
            if step in self._steps:
                self._steps[step].observe(took)

    def failed(self, kind: str) -> None:
        self._questions.labels("failed", kind).inc()

    def cancelled(self) -> None:
        self._questions.labels("cancelled", "").inc()

    def refused(self, status: int, code: str) -> None:
        self._refused.labels(str(status), code).inc()

    def counted(self, prompt: int, completion: int) -> None:
        self._tokens.labels("prompt").inc(prompt)
        self._tokens.labels("completion").inc(completion)

    def unlogged(self) -> None:
        self._unlogged.inc()

    def text(self) -> bytes:
        return generate_latest(self._registry)
