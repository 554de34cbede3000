"""The command line."""

from sklearn_dl._cli._main import main

__all__ = ["main"]
