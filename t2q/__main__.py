"""`python -m t2q`."""

from t2q.cli import main

main()
