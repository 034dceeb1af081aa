"""What a SELECT statement may name where the writing stands: tables, columns and keys, by its FROM so far."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from t2q.guiding import sql_words as words
from t2q.guiding.sql_names import Tables, may_abbreviate
from t2q.guiding.state import State


@dataclass(frozen=True)
class Source:
    """A table in FROM: what it is called there, and the schema's table, "" where its columns are not known."""

    name: str
    table: str


@dataclass(frozen=True)
class Frame:
    """A SELECT, a CASE or a bracket; `role` of a bracket: a function's name, table, cte, window or "".

    `waiting`: columns named before FROM, each behind its table's name, "" where it had none.
    `keys`: columns of the ON that is being written, as (table, column).
    """

    role: str
    clause: str = ""
    sources: tuple[Source, ...] = ()
    waiting: tuple[tuple[str, str], ...] = ()
    outputs: frozenset[str] = frozenset()
    keys: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Scope(State):
    """The brackets and SELECTs that are open, and what the schema offers there."""

    tables: Tables
    frames: tuple[Frame, ...] = ()
    ctes: frozenset[str] = frozenset()
    only_names: bool = False

    @property
    def frame(self) -> Frame:
        return self.frames[-1]

    @property
    def select(self) -> Frame:
        return next(self._selects())

    def _selects(self) -> Iterator[Frame]:
        """From the innermost to the outermost."""
        return (frame for frame in reversed(self.frames) if frame.role == "select")

    def _columns(self) -> Collection[str] | None:
        """Columns that may stand here without a table's name; None: any."""
        frame, *outer = self._selects()
        if frame.clause == "limit":
            return ()
        if not frame.sources:
            if self.ctes:
                return None
            if outer or any(qualifier for qualifier, _ in frame.waiting):
                return self._typed(self.tables.every_column)
            return self._typed(self.tables.beside(frozenset(column for _, column in frame.waiting)))
        if self.frame is frame and self._bound():
            return ()
        if not all(source.table for source in self._sources()):
            return None
        seen: set[str] = set()
        twice: set[str] = set()
        for source in frame.sources:
            columns = self.tables.columns[source.table].keys()
            twice |= seen & columns
            seen |= columns
        found = seen - twice
        if frame.clause in ("group", "having", "order"):
            found |= frame.outputs
        for source in (source for other in outer for source in other.sources):
            found |= self.tables.columns[source.table].keys() - seen
        return self._typed(found)

    def _typed(self, columns: Collection[str], table: str = "") -> Collection[str]:
        """Those whose type the function around them takes."""
        role = self.frame.role
        refused = {"integer", "float", "boolean"} if role in words.OF_DATES else set()
        if role in words.OF_NUMBERS:
            refused = {"date", "datetime", "time", "boolean"}
        if not refused:
            return columns
        return [column for column in columns if not self.tables.types(column, table) <= refused]

    def _sources(self) -> Iterator[Source]:
        return (source for frame in self._selects() for source in frame.sources)

    def _table_of(self, qualifier: str) -> str:
        return next((s.table for s in self._sources() if s.name == qualifier), "")

    def _qualifiers(self) -> list[str]:
        """Names of tables that a dot may follow."""
        frame = self.select
        if frame.clause == "limit":
            return []
        names = [source.name for source in self._sources() if self._key_columns(source.table) != ()]
        return names if frame.sources else [*names, *self.tables.columns, *self.ctes]

    def _qualifies(self, text: str, whole: bool, quoted: bool) -> bool:
        """Whether a name can stand before a dot."""
        return self._among(text, self._qualifiers(), whole, quoted) or self._stands_for_table(text)

    def _stands_for_table(self, text: str) -> bool:
        """Whether it may be an alias that FROM has still to give."""
        frame = self.select
        return (
            not self.only_names and not frame.sources and text.lower() not in words.KEYWORDS and self._abbreviates(text)
        )

    def _abbreviates(self, text: str) -> bool:
        return may_abbreviate(text, [*self.tables.columns, *self.ctes])

    def _among(self, text: str, names: Collection[str] | None, whole: bool, quoted: bool) -> bool:
        if names is None:
            return True
        return any(self.tables.spellings.fits(text, name, whole, quoted) for name in names)

    def _columns_of(self, qualifier: str) -> Collection[str] | None:
        """Columns that may stand behind a table's name and a dot; None: any."""
        for source in self._sources():
            if source.name == qualifier:
                keys = self._key_columns(source.table)
                if keys is not None:
                    return keys
                return self._typed(self.tables.columns[source.table], source.table) if source.table else None
        if qualifier in self.tables.columns:
            return self._typed(self.tables.columns[qualifier], qualifier)
        return None if qualifier in self.ctes else self._typed(self.tables.every_column)

    def _bound(self) -> bool:
        """Whether an ON is being written that has to follow a foreign key."""
        frame = self.frame
        return frame.clause == "on" and len(frame.keys) < 2 and bool(self._joins_of(frame))

    def _joins_of(self, frame: Frame) -> list[frozenset[tuple[str, str]]]:
        """The foreign keys between the table that is being joined and those before it."""
        *others, new = (source.table for source in frame.sources)
        return [join for join in self.tables.joins if _joins(join, new, others)]

    def _key_columns(self, table: str) -> Collection[str] | None:
        """In an ON whose tables have foreign keys: the columns of the table that it may name; None: any."""
        frame = self.select
        if frame.clause != "on" or len(frame.keys) > 1 or not table:
            return None
        joins = self._joins_of(frame)
        if not joins:
            return None
        if not frame.keys:
            return tuple(c for join in joins for t, c in join if t == table)
        [key] = frame.keys
        return tuple(c for join in joins if key in join for t, c in (join - {key} or join) if t == table)

    def _next_tables(self) -> Collection[str]:
        """Tables that may stand in FROM next."""
        frame, every = self.select, {*self.tables.columns, *self.ctes}
        if not frame.sources:
            if frame.waiting and not any(qualifier for qualifier, _ in frame.waiting) and not self.ctes:
                return self.tables.holding(column for _, column in frame.waiting)
            return every
        near = set().union(*(self.tables.linked[s.table] for s in frame.sources if s.table))
        if near and all(s.table for s in frame.sources):
            every = {table for table in every if table in near or not self.tables.linked.get(table)}
        bare = {column for qualifier, column in frame.waiting if not qualifier}
        present = {c for s in frame.sources if s.table for c in self.tables.columns[s.table]}
        return {table for table in every if not bare & present & self.tables.columns.get(table, {}).keys()}

    def _may_leave(self, clause: str) -> bool:
        """Whether FROM has what the columns named before it need."""
        frame = self.select
        if frame.clause == "select":
            return clause == "from" or not frame.waiting
        if frame.clause not in ("from", "on", "join"):
            return True
        if frame.clause == "on" and len(frame.keys) == 1 and self._joins_of(frame):
            return False
        if not all(source.table for source in frame.sources):
            return True
        names = [source.name for source in self._sources()]
        columns = {c for source in self._sources() for c in self.tables.columns.get(source.table, ())}
        return all(qualifier in names if qualifier else column in columns for qualifier, column in frame.waiting)


def _joins(join: frozenset[tuple[str, str]], new: str, others: Collection[str]) -> bool:
    tables = [table for table, _ in join]
    if tables.count(new) == len(tables):  # to itself
        return new in others
    return new in tables and any(table in others for table in tables if table != new)
