"""Every error that t2q raises on purpose.

T2QError                 a user's mistake or a missing thing: one clear line, exit code 1, no traceback
├── RecipeError          what a recipe says cannot be done
├── DownloadError        a base cannot be fetched
├── DatabaseError        a database cannot be opened, reached or read
├── LogError             the log of questions cannot be read or written, or lacks what was named
├── QueryError           a query was refused or failed
│   ├── SyntaxRefused    the query does not parse
│   ├── NotReadOnly      the query is not proven to only read
│   ├── TooCostly        the query asks for more than a database may be asked for
│   ├── UnknownName      the query names what the schema does not have
│   ├── QueryTimeout     the query ran longer than it may
│   └── ExecutionFailed  the database refused or broke off the query
├── StageError           a stage of a run failed
└── ParityError          a conversion changed the function that the model computes
    └── AccuracyLost     a step lost more execution accuracy than the recipe allows
"""

from __future__ import annotations


class Terminated(KeyboardInterrupt):
    """SIGTERM: what Ctrl-C does, asked for by the machine."""


class T2QError(Exception):
    """Root of the tree. The message is one line: what is wrong, where, and what to do."""


class RecipeError(T2QError):
    """What a recipe says cannot be done."""


class DownloadError(T2QError):
    """A base cannot be fetched from the model hub."""


class DatabaseError(T2QError):
    """A database cannot be opened, reached or read."""


class LogError(T2QError):
    """The log of questions cannot be read or written, or lacks what was named."""


class QueryError(T2QError):
    """A query was refused or failed. `kind` names the reason in reports and answers."""

    kind = "failed"


class SyntaxRefused(QueryError):
    kind = "syntax"


class NotReadOnly(QueryError):
    kind = "not read-only"


class TooCostly(QueryError):
    kind = "too costly"


class UnknownName(QueryError):
    kind = "unknown name"


class QueryTimeout(QueryError):
    kind = "timeout"


class ExecutionFailed(QueryError):
    kind = "execution"


class StageError(T2QError):
    """A stage of a run failed."""


class ParityError(StageError):
    """A conversion changed the function that the model computes."""


class AccuracyLost(ParityError):
    """A step lost more execution accuracy than the recipe allows; the run's report shows it."""
