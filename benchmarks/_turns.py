"""Calls that are compared: in turns in one process."""

import statistics
import time


def in_turns(calls, repeats, warm_up=True, patience=float("inf")):
    """Call all in turns; return {name: median seconds} and {name: last result}.

    With `warm_up` comes a turn before the others, for caches and imports, which counts
    only where it is the last. No turn begins after `patience` seconds.
    """
    seconds, results = {name: [] for name in calls}, {}
    begin = time.perf_counter()
    for _ in range(repeats + warm_up):
        for name, call in calls.items():
            start = time.perf_counter()
            results[name] = call()
            seconds[name].append(time.perf_counter() - start)
        if time.perf_counter() - begin > patience:
            break
    first = int(warm_up)
    medians = {n: statistics.median(s[first:] or s) for n, s in seconds.items()}
    return medians, results
