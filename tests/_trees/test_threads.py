"""Several threads do what one does, and nobody waits for ever."""

import os
import signal
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest
from numba import njit
from sklearn.datasets import make_classification
from sklearn.utils.parallel import Parallel, delayed
from threadpoolctl import threadpool_limits

from sklearn_dl._trees import _ensemble
from sklearn_dl._trees._ensemble import Booster, TreeOptions, bin_rows
from sklearn_dl._trees._gradients import LossCode
from sklearn_dl._trees._threads import (
    barrier,
    choose_n_threads,
    map_in_threads,
    reset_next,
    run_in_threads,
    take_next,
)


@njit(nogil=True)
def _count(thread, n_threads, sync, n_steps, n_items, seen):
    """Take items in turns; nobody may begin a step before all have ended the last."""
    for step in range(n_steps):
        if thread == 0:
            reset_next(sync)
        if not barrier(n_threads, sync):
            return
        while True:
            item = take_next(sync)
            if item >= n_items:
                break
            seen[step, item] += 1
        if not barrier(n_threads, sync):
            return


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_each_item_is_taken_once_in_each_step(n_threads):
    seen = np.zeros((200, 17), dtype=np.int64)
    run_in_threads(_count, n_threads, 200, 17, seen)
    np.testing.assert_array_equal(seen, 1)


@pytest.mark.parametrize("failing", [0, 1])
def test_an_error_in_one_thread_does_not_leave_the_others_waiting(failing):
    def kernel(thread, n_threads, sync):
        if thread == failing:
            raise ZeroDivisionError
        barrier(n_threads, sync)

    with pytest.raises(ZeroDivisionError):
        run_in_threads(kernel, 2)


@pytest.mark.parametrize("failing", [1, 2])
def test_one_thread_does_the_work_where_others_cannot_be_started(failing, monkeypatch):
    start = threading.Thread.start
    started = []

    def start_some(thread):
        started.append(thread)
        if len(started) == failing:
            raise RuntimeError("can't start new thread")
        start(thread)

    before = threading.active_count()
    monkeypatch.setattr(threading.Thread, "start", start_some)
    seen = np.zeros((50, 17), dtype=np.int64)
    run_in_threads(_count, 3, 50, 17, seen)
    np.testing.assert_array_equal(seen, 1)
    assert len(started) == failing
    assert threading.active_count() == before


@pytest.mark.parametrize("n_threads", [1, 4])
def test_results_have_the_order_of_the_items(n_threads):
    assert map_in_threads(lambda x: x * x, range(9), n_threads) == [
        x * x for x in range(9)
    ]


def test_little_work_has_one_thread_and_limits_are_heeded():
    assert choose_n_threads(100) == 1
    with threadpool_limits(1):
        assert choose_n_threads(10**9) == 1
    inside = Parallel(n_jobs=2, backend="threading")(
        delayed(choose_n_threads)(10**9) for _ in range(2)
    )
    assert inside == [1, 1]


def test_a_process_of_a_pool_has_one_thread():
    with warnings.catch_warnings():
        # Python warns of a fork where other tests have left threads.
        warnings.simplefilter("ignore", DeprecationWarning)
        inside = Parallel(n_jobs=2, backend="multiprocessing")(
            delayed(choose_n_threads)(10**9) for _ in range(2)
        )
    assert inside == [1, 1]


def boost(X, y, n_threads, monkeypatch, **options):
    monkeypatch.setattr(_ensemble, "choose_n_threads", lambda work: n_threads)
    booster = Booster(
        bin_rows(X, 255, None, None, 0),
        y.astype(float),
        None,
        np.zeros((len(y), 1)),
        LossCode.LOGISTIC,
        0.0,
        TreeOptions(**options),
        0,
    )
    trees = booster.run(0, 12)
    out = np.zeros((len(y), 1))
    trees.add_to(out, X)
    np.testing.assert_allclose(out, booster.raw, rtol=1e-12, atol=1e-12)
    return trees


@pytest.mark.parametrize(
    "options",
    [{}, {"subsample": 0.5}, {"max_features": 0.4}, {"max_leaf_nodes": None}],
    ids=str,
)
@pytest.mark.parametrize("n_samples", [300, 70_000])
def test_trees_do_not_depend_on_the_number_of_threads(n_samples, options, monkeypatch):
    if options.get("max_leaf_nodes", 0) is None:
        options = {**options, "min_samples_leaf": n_samples // 60}
    X, y = make_classification(n_samples, 13, random_state=0)
    X[::7, 2] = np.nan
    one = boost(X, y, 1, monkeypatch, **options)
    for n_threads in (2, 3):
        several = boost(X, y, n_threads, monkeypatch, **options)
        for name, array in vars(one).items():
            np.testing.assert_array_equal(array, getattr(several, name), err_msg=name)


def test_two_python_threads_may_boost_at_once(monkeypatch):
    X, y = make_classification(4000, 10, random_state=0)
    monkeypatch.setattr(_ensemble, "choose_n_threads", lambda work: 2)
    expected = boost(X, y, 2, monkeypatch)
    results = [None, None]

    def work(place):
        results[place] = boost(X, y, 2, monkeypatch)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
        assert not thread.is_alive()
    for trees in results:
        np.testing.assert_array_equal(trees.values, expected.values)


# Fits go on until a timer interrupts one of them, as Ctrl-C would, and so 40 times.
INTERRUPTED = """
import faulthandler, signal, threading, time
import numpy as np
from sklearn.datasets import make_classification
from sklearn_dl._trees import _threads

# Should it hang, say where.
faulthandler.dump_traceback_later(280, exit=True)
from sklearn_dl.boosting import GradientBoostingClassifier

_threads._MIN_WORK = 0  # short fits have two threads, too
X, y = make_classification(3000, 10, random_state=0)
model = GradientBoostingClassifier(early_stopping=True, random_state=0)
assert _threads.choose_n_threads(X.size) == 2
expected = model.fit(X, y).predict_proba(X)
begin = time.perf_counter()
model.fit(X, y)
seconds = time.perf_counter() - begin
came = [False]

def interrupt(number, frame):
    came[0] = True
    raise KeyboardInterrupt

signal.signal(signal.SIGALRM, interrupt)
rng = np.random.default_rng(0)
n_seen = 0
for _ in range(20):
    came[0] = False
    try:
        # Anywhere in one of the first three fits.
        signal.setitimer(signal.ITIMER_REAL, rng.uniform(1e-4, 3 * seconds))
        # Python drops what is raised while it tidies up: then nobody sees it.
        while not came[0]:
            model.fit(X, y)
    except KeyboardInterrupt:
        n_seen += 1
    except RuntimeError as error:
        # What Python makes of an interrupt in the midst of entering a condition.
        assert "release un-acquired lock" in str(error), error
        n_seen += 1
assert n_seen > 15, n_seen

def living():
    # Python keeps a thread in its books whose start was interrupted before it began.
    return [thread for thread in threading.enumerate() if thread.is_alive()]

# Threads that were told to end may need a moment.
end = time.monotonic() + 5
while len(living()) > 1 and time.monotonic() < end:
    time.sleep(0.01)
assert living() == [threading.main_thread()], living()
np.testing.assert_array_equal(model.fit(X, y).predict_proba(X), expected)
print("done")
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no timers")
def test_interrupted_fits_leave_no_thread_behind():
    # A thread that waits for ever would keep the process from ending.
    result = subprocess.run(
        [sys.executable, "-c", INTERRUPTED],
        env=os.environ | {"OMP_NUM_THREADS": "2"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.stdout == "done\n", result.stderr
    assert result.returncode == 0, result.stderr
