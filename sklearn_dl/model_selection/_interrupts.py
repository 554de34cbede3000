"""Ctrl-C while models are being fitted."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["noting_interrupts"]


@contextmanager
def noting_interrupts() -> Iterator[list[int]]:
    """Note each Ctrl-C, since some models end their own training on it and go on.

    Yields
    ------
    noted : list
        A Ctrl-C adds to it, before it raises KeyboardInterrupt. Outside the main
        thread, and where somebody else handles Ctrl-C, it stays empty.
    """
    noted: list[int] = []
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    ):
        yield noted
        return

    def note(number: int, frame: Any) -> None:
        noted.append(number)
        signal.default_int_handler(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
