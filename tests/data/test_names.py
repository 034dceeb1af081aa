from __future__ import annotations

import pytest

from t2q.data.names import plural, singular, words


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [
        ("unit_price", "unit price"),
        ("unitPrice", "unit price"),
        ("UNIT_PRICE", "unit price"),
        ("UnitPrice", "unit price"),
        ("unit price", "unit price"),
        ("tbl_orders", "orders"),
        ("is_active", "active"),
        ("isActive", "active"),
        ("HTTPServer", "http server"),
        ("id", "id"),
        ("cust_addr", "customer address"),
        ("orderQty", "order quantity"),
        ("Dept_Ref", "department reference"),
        ("_", "_"),
    ],
)
def test_words_of_an_identifier(identifier: str, expected: str) -> None:
    assert words(identifier) == expected


@pytest.mark.parametrize(
    ("one", "many"),
    [
        ("customer", "customers"),
        ("category", "categories"),
        ("day", "days"),
        ("address", "addresses"),
        ("box", "boxes"),
        ("person", "people"),
        ("order line", "order lines"),
        ("status", "statuses"),
        ("series", "series"),
    ],
)
def test_singular_and_plural_undo_each_other(one: str, many: str) -> None:
    assert (plural(one), singular(many)) == (many, one)
    assert (plural(many), singular(one)) == (many, one)
