"""Pretraining of the project's own small base, t2q/pico."""
