"""The sample shop: one small believable shop, as SQLite tables and as a graph. The same question has the same answer.

    python -m t2q.data.shop data        writes data/shop.sqlite and data/shop.json

Both are made from one set of rows, drawn from a seed. Some names need quoting ("order lines", "group"), some values
hold quotes or letters beyond ASCII, some are missing: as in real databases.
"""

from __future__ import annotations

import datetime
import json
import random
import sqlite3
import sys
from pathlib import Path
from typing import Any

from t2q.data.lexicon import lexicon

SEED = 11
Row = dict[str, Any]

_TABLES = """
CREATE TABLE categories (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE suppliers (id INTEGER PRIMARY KEY, name TEXT NOT NULL, country TEXT NOT NULL, email TEXT);
CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price REAL NOT NULL, stock INTEGER NOT NULL,
  discontinued BOOLEAN NOT NULL, added_on DATE NOT NULL,
  category_id INTEGER NOT NULL REFERENCES categories (id), supplier_id INTEGER NOT NULL REFERENCES suppliers (id));
CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT, city TEXT NOT NULL,
  country TEXT NOT NULL, joined_on DATE NOT NULL, newsletter BOOLEAN NOT NULL);
CREATE TABLE employees (id INTEGER PRIMARY KEY, name TEXT NOT NULL, "group" TEXT NOT NULL, salary INTEGER NOT NULL,
  hired_on DATE NOT NULL, manager_id INTEGER REFERENCES employees (id));
CREATE TABLE orders (id INTEGER PRIMARY KEY, number TEXT NOT NULL, ordered_on DATE NOT NULL, shipped_on DATE,
  status TEXT NOT NULL, total REAL NOT NULL,
  customer_id INTEGER NOT NULL REFERENCES customers (id), employee_id INTEGER NOT NULL REFERENCES employees (id));
CREATE TABLE "order lines" (order_id INTEGER NOT NULL REFERENCES orders (id),
  product_id INTEGER NOT NULL REFERENCES products (id), quantity INTEGER NOT NULL, "unit price" REAL NOT NULL,
  PRIMARY KEY (order_id, product_id));
CREATE TABLE reviews (id INTEGER PRIMARY KEY, title TEXT NOT NULL, rating INTEGER NOT NULL, comment TEXT,
  written_on DATE NOT NULL,
  customer_id INTEGER NOT NULL REFERENCES customers (id), product_id INTEGER NOT NULL REFERENCES products (id));
"""

_CATEGORIES = ("Kitchen", "Garden", "Office", "Toys", "Outdoor", "Books", "Music", "Pets")
_WARES = {
    "Kitchen": ("Crème Brûlée Torch", "Cast Iron Pan", "Chef's Knife", "Tea Kettle", "Salad Bowl", "Coffee Grinder"),
    "Garden": ("Garden Hose", "Pruning Shears", "Watering Can", "Bird Feeder", "Wheelbarrow"),
    "Office": ("Desk Lamp", "Standing Desk", "Drop Table Organizer", "Fountain Pen", "Paper Shredder", "Office Chair"),
    "Toys": ("Wooden Train", "Puzzle of Zürich", "Toy Robot", "Building Blocks", "Kite"),
    "Outdoor": ("Two-Person Tent", "Sleeping Bag", "Head Torch", "Trekking Poles", "Camping Stove", "Hammock"),
    "Books": ("Atlas of Rivers", "Poems for Winter", "Bread from Scratch", "Learning to Sail"),
    "Music": ("Ukulele", "Metronome", "Guitar Strings", "Music Stand", "Kalimba"),
    "Pets": ("Cat Tree", "Dog Leash", "Fish Tank", "Parrot Perch"),
}
_PLACES = (
    ("Paris", "France"), ("Lyon", "France"), ("Berlin", "Germany"), ("München", "Germany"), ("Köln", "Germany"),
    ("Madrid", "Spain"), ("Rome", "Italy"), ("Milan", "Italy"), ("Lisbon", "Portugal"), ("Vienna", "Austria"),
    ("Zürich", "Switzerland"), ("Oslo", "Norway"), ("Kraków", "Poland"), ("Dublin", "Ireland"),
)  # fmt: skip
_SUPPLIERS = (
    ("Nordic Trading", "Norway"), ("Casa Verde", "Spain"), ("Müller & Sons", "Germany"), ("Blue River Ltd", "Ireland"),
    ("Fratelli Rossi", "Italy"), ("O'Hara Imports", "Ireland"), ("Polska Craft", "Poland"),
)  # fmt: skip
_REVIEWS = (
    "Great value",
    "Broke after a week",
    "Just what I needed",
    "Too small",
    "Works fine",
    "A lovely gift",
    "Not as described",
    "Would buy again",
    "Arrived late",
    "Very sturdy",
    "Looks cheap",
    "Five stars",
)
_COMMENTS = (
    "My daughter loves it.",
    "The handle came off.",
    "Fast delivery; well packed.",
    "It's fine for the price.",
    "I expected more.",
    "Use it every day.",
)


def shop_rows(seed: int = SEED) -> dict[str, list[Row]]:
    """All rows by table, keys and foreign keys included; dates as ISO strings."""
    rng = random.Random(seed)

    def day(first: str, days: int) -> str:
        return (datetime.date.fromisoformat(first) + datetime.timedelta(rng.randrange(days))).isoformat()

    names = _people(rng, 70)
    tables: dict[str, list[Row]] = {
        "categories": [{"id": i, "name": name} for i, name in enumerate(_CATEGORIES, 1)],
        "suppliers": [
            {"id": i, "name": n, "country": c, "email": None if i == 4 else f"sales{i}@example.com"}
            for i, (n, c) in enumerate(_SUPPLIERS, 1)
        ],
    }
    wares = [(name, _CATEGORIES.index(c) + 1) for c, wares in _WARES.items() for name in wares]
    tables["products"] = [
        {
            "id": i,
            "name": name,
            "price": round(rng.uniform(4, 240), 2),
            "stock": rng.randrange(0, 300),
            "discontinued": rng.random() < 0.15,
            "added_on": day("2019-01-01", 1500),
            "category_id": category,
            "supplier_id": rng.randint(1, len(_SUPPLIERS) - 1),  # the last one supplies nothing yet
        }
        for i, (name, category) in enumerate(wares, 1)
    ]
    tables["customers"] = [
        {
            "id": i,
            "name": name,
            "email": None if rng.random() < 0.15 else f"{name.split()[0].lower()}{i}@example.org",
            "city": city,
            "country": country,
            "joined_on": day("2020-01-01", 1600),
            "newsletter": rng.random() < 0.4,
        }
        for i, (name, (city, country)) in enumerate(((n, rng.choice(_PLACES)) for n in names[:60]), 1)
    ]
    tables["employees"] = [
        {
            "id": i,
            "name": name,
            "group": ("management", "sales", "support", "warehouse")[0 if i < 3 else rng.randint(1, 3)],
            "salary": rng.randrange(28, 90) * 1000 + rng.randrange(10) * 100,
            "hired_on": day("2012-01-01", 4000),
            "manager_id": None if i == 1 else rng.randint(1, min(i - 1, 3)),
        }
        for i, name in enumerate(names[60:], 1)
    ]
    _orders(tables, rng, day)
    tables["reviews"] = [
        {
            "id": i,
            "title": rng.choice(_REVIEWS),
            "rating": rng.choice((1, 2, 3, 4, 4, 5, 5)),
            "comment": rng.choice(_COMMENTS) if rng.random() < 0.7 else None,
            "written_on": day("2021-01-01", 1400),
            "customer_id": rng.randint(1, 50),
            "product_id": rng.randint(1, len(wares) - 4),
        }
        for i in range(1, 141)
    ]
    return tables


def _people(rng: random.Random, number: int) -> list[str]:
    words = lexicon()
    names: list[str] = []
    while len(names) < number:
        name = f"{rng.choice(words['first_names'])} {rng.choice(words['last_names'])}"
        if name not in names:
            names.append(name)
    return names


def _orders(tables: dict[str, list[Row]], rng: random.Random, day: Any) -> None:
    """Orders with their lines; the last customers have ordered nothing."""
    tables["orders"], tables["order lines"] = [], []
    for i in range(1, 241):
        ordered = day("2021-01-01", 1450)
        status = rng.choice(("open", "paid", "shipped", "shipped", "shipped", "cancelled", "returned"))
        shipped = None
        if status in {"shipped", "returned"}:
            shipped = (datetime.date.fromisoformat(ordered) + datetime.timedelta(rng.randint(1, 9))).isoformat()
        lines = [
            {"order_id": i, "product_id": p["id"], "quantity": rng.randint(1, 6), "unit price": p["price"]}
            for p in rng.sample(tables["products"][:-2], rng.randint(1, 4))
        ]
        tables["order lines"] += lines
        tables["orders"].append(
            {
                "id": i,
                "number": f"SO-{1000 + i}",
                "ordered_on": ordered,
                "shipped_on": shipped,
                "status": status,
                "total": round(sum(line["quantity"] * line["unit price"] for line in lines), 2),
                "customer_id": rng.randint(1, 54),
                "employee_id": rng.randint(2, 9),
            }
        )


def write_sqlite(path: Path, tables: dict[str, list[Row]]) -> None:
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    with connection:
        connection.executescript(_TABLES)
        for table, rows in tables.items():
            columns = ", ".join(f'"{c}"' for c in rows[0])
            places = ", ".join("?" * len(rows[0]))
            connection.executemany(
                f'INSERT INTO "{table}" ({columns}) VALUES ({places})', [tuple(r.values()) for r in rows]
            )
    connection.execute("VACUUM")
    connection.close()


# table -> label; foreign key -> (relationship type, whether the arrow leaves the row that holds the key)
_LABELS = {
    "categories": "Category",
    "suppliers": "Supplier",
    "products": "Product",
    "customers": "Customer",
    "employees": "Employee",
    "orders": "Order",
    "reviews": "Review",
}
_ARROWS = {
    ("products", "category_id"): ("IN_CATEGORY", "categories", True),
    ("products", "supplier_id"): ("SUPPLIES", "suppliers", False),
    ("employees", "manager_id"): ("REPORTS_TO", "employees", True),
    ("orders", "customer_id"): ("PLACED", "customers", False),
    ("orders", "employee_id"): ("HANDLED", "employees", False),
    ("reviews", "customer_id"): ("WROTE", "customers", False),
    ("reviews", "product_id"): ("ABOUT", "products", True),
}


def _property(name: str, value: Any) -> Any:
    return {"$date": value} if name.endswith("_on") else value


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def shop_graph(tables: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """The same rows as nodes and relationships, in the form that `graph:FILE.json` reads."""
    nodes, rels = [], []
    for table, label in _LABELS.items():
        for row in tables[table]:
            here = f"{label}:{row['id']}"
            foreign = [column for owner, column in _ARROWS if owner == table]
            properties = {
                _camel(k): _property(k, v) for k, v in row.items() if v is not None and k not in foreign and k != "id"
            }
            nodes.append({"id": here, "labels": [label], "props": properties})
            for column in foreign:
                if row[column] is not None:
                    kind, other, leaves = _ARROWS[table, column]
                    there = f"{_LABELS[other]}:{row[column]}"
                    start, end = (here, there) if leaves else (there, here)
                    rels.append({"start": start, "end": end, "type": kind, "props": {}})
    for line in tables["order lines"]:
        ends = {"start": f"Order:{line['order_id']}", "end": f"Product:{line['product_id']}"}
        rels.append(
            {**ends, "type": "CONTAINS", "props": {"quantity": line["quantity"], "unit price": line["unit price"]}}
        )
    return {"nodes": nodes, "rels": rels}


def main(folder: Path) -> None:
    """Writes both forms into the folder."""
    tables = shop_rows()
    write_sqlite(folder / "shop.sqlite", tables)
    graph = shop_graph(tables)
    lines = ",\n".join(
        f'"{kind}": [\n' + ",\n".join(json.dumps(x, ensure_ascii=False) for x in graph[kind]) + "\n]" for kind in graph
    )
    (folder / "shop.json").write_text("{\n" + lines + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
