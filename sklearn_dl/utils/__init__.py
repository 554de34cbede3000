"""Tools that every floor above may use."""

__all__ = ["discovery"]
