CREATE TABLE customers (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    city VARCHAR(40),
    joined DATE,
    seen DATETIME,
    noted TEXT,            -- always an ISO date
    era DATE,              -- holds years
    active BOOLEAN,
    credit DECIMAL(10, 2),
    photo BLOB,
    anything
);
INSERT INTO customers VALUES
    (1, 'Ada', 'Paris', '2024-01-02', '2024-01-02 10:00:00', '2023-05-06', 1990, 1, 12.5, x'ff00', 'text'),
    (2, 'Bo', 'Rome', '2024-02-03', '2024-02-03 11:30:00', '2023-05-07', 1991, 0, 7, x'416461', 'text'),
    (3, 'Cy', 'Rome', NULL, NULL, NULL, 1990, 1, NULL, NULL, 'more text'),
    (4, CAST(x'4d8a' AS TEXT), 'Rome', '2024-02-03', '2024-02-03 11:30:00', '2023-05-07', 1991, 1, 0.1, NULL, NULL);

CREATE TABLE "order" ("from" INTEGER REFERENCES customers, "line no" INTEGER, "select" TEXT, PRIMARY KEY ("from", "line no"));
INSERT INTO "order" VALUES (1, 1, 'ok'), (1, 2, 'Zürich'), (2, 1, 'two
lines');

CREATE TABLE parts (a INTEGER, b INTEGER, FOREIGN KEY (a, b) REFERENCES "ORDER" ("from", "line no"));
CREATE TABLE broken (a INTEGER REFERENCES nowhere (id), b INTEGER REFERENCES customers (town));
CREATE VIEW romans AS SELECT * FROM customers WHERE city = 'Rome';
