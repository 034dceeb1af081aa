"""t2q: fine-tune, convert, evaluate and serve a model that turns questions into SQL or Cypher."""

__version__ = "0.1.0"
