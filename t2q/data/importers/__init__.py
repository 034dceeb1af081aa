"""Questions and queries that people wrote, read from files; each format has a file of its own."""
