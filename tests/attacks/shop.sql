CREATE TABLE customers (
    id INTEGER PRIMARY KEY, name VARCHAR(60), city VARCHAR(40), "createdAt" DATE, updated DATE, deleted_at DATE,
    "drop" VARCHAR(20)
);
INSERT INTO customers VALUES
    (1, 'Ada', 'Paris', '2024-01-02', '2024-02-01', NULL, 'a'),
    (2, 'Bo; DROP TABLE customers', 'Rome', '2024-02-03', '2024-02-04', '2024-03-01', 'b'),
    (3, 'C''y -- /* x', 'Rome', '2023-05-06', NULL, NULL, NULL);
CREATE TABLE orders (
    id INTEGER PRIMARY KEY, customer_id INTEGER, total DOUBLE PRECISION, ordered DATE, item VARCHAR(60), details VARCHAR(200)
);
INSERT INTO orders VALUES
    (1, 1, 10.5, '2024-01-05', 'Drop Table', '{"size": "L", "tags": ["red", "new"]}'),
    (2, 1, 20, '2024-02-05', 'Insert coin', '{"size": "M", "tags": []}'),
    (3, 2, 5.25, '2024-02-06', 'update; set', '{"size": "L", "tags": ["blue"]}');
CREATE TABLE numbers (n INTEGER PRIMARY KEY);
INSERT INTO numbers WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 900) SELECT n FROM r;
CREATE VIEW romans AS SELECT id, name FROM customers WHERE city = 'Rome';
