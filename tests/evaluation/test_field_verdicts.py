"""The published verdicts say what the published code says."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from t2q.databases.base import Result
from t2q.evaluation.comparison import same_result
from t2q.evaluation.field_verdicts import bird_ex, soft_f1, spider_test_suite, sql_eval_exact, sql_eval_subset

CASES = yaml.safe_load((Path(__file__).parent / "verdicts.yaml").read_text(encoding="utf-8"))


def _result(data: dict[str, Any]) -> Result:
    return Result(tuple(data["columns"]), [tuple(row) for row in data["rows"]])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_table(case: dict[str, Any]) -> None:
    pred, gold = _result(case["pred"]), _result(case["gold"])
    ordered = case.get("gold_ordered", False)
    assert bird_ex(pred, gold) is case["bird_ex"]
    assert spider_test_suite(pred, gold, ordered) is case["test_suite"]
    assert soft_f1(pred, gold) == pytest.approx(case["soft_f1"], abs=0.005)
    assert sql_eval_exact(pred, gold) is case["exact"]
    assert sql_eval_subset(pred, gold) is case["subset"]
    assert same_result(pred, gold, ordered).ok is case["ours"]


def test_spider_takes_two_empty_results_of_any_width_for_a_match() -> None:
    pred, gold = Result(("a", "b")), Result(("a",))
    assert spider_test_suite(pred, gold, False)
    assert not same_result(pred, gold, False).ok


def test_sql_eval_minds_the_order_where_the_question_asks_for_one() -> None:
    pred, gold = Result(("a",), [(2,), (1,)]), Result(("a",), [(1,), (2,)])
    assert not sql_eval_exact(pred, gold, ordered=True)
    assert not sql_eval_subset(pred, gold, ordered=True)


def test_soft_f1_of_a_missing_row() -> None:
    """One of two rows right: precision 1, recall 1/2."""
    assert soft_f1(Result(("a",), [(1,)]), Result(("a",), [(1,), (2,)])) == pytest.approx(2 / 3)
