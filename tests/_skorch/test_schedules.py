"""Learning-rate schedules against their formulas and against torch's own."""

import math

import pytest
import torch

from sklearn_dl._skorch import SCHEDULES, Schedule


def rates(schedule, n_epochs):
    return [schedule.rate(epoch) for epoch in range(n_epochs)]


def test_time_schedule_of_the_book():
    schedule = Schedule(0.2, "time", decay=1.0)
    assert rates(schedule, 4) == pytest.approx([0.1, 0.0667, 0.05, 0.04], abs=5e-5)


@pytest.mark.parametrize(
    ("kind", "options", "formula"),
    [
        ("constant", {}, lambda e: 0.3),
        ("exponential", {"decay": 0.9}, lambda e: 0.3 * 0.9**e),
        ("exponential", {"decay": math.exp(-0.1)}, lambda e: 0.3 * math.exp(-0.1 * e)),
        ("sqrt", {"decay": 0.5}, lambda e: 0.3 * 0.5 / math.sqrt(e)),
        ("step", {"decay": 0.1, "step": 2}, lambda e: 0.3 * 0.1 ** ((e - 1) // 2)),
        (lambda epoch: 1 / epoch, {}, lambda e: 1 / e),
        ((0.5, 0.4, 0.1), {}, lambda e: [0.5, 0.4, 0.1, 0.1, 0.1][e - 1]),
    ],
)
def test_formula(kind, options, formula):
    expected = [formula(epoch) for epoch in range(1, 6)]
    assert rates(Schedule(0.3, kind, **options), 5) == pytest.approx(expected)


def test_invscaling_counts_rows():
    schedule = Schedule(0.3, "invscaling", power_t=0.5)
    assert schedule.rate(0, n_seen=0) == 0.3
    assert schedule.rate(1, n_seen=99) == pytest.approx(0.03)


@pytest.mark.parametrize("kind", ["cosine", "one_cycle"])
def test_agrees_with_torch(kind):
    n_epochs, n_batches = 10, 7
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.3)
    total = n_epochs * n_batches
    if kind == "cosine":
        theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, total)
    else:
        theirs = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, 0.3, total_steps=total + 1, cycle_momentum=False
        )
    ours = Schedule(0.3, kind, n_epochs=n_epochs)
    for step in range(total):
        expected = optimizer.param_groups[0]["lr"]
        # torch spreads the rise over one step less.
        tolerance = 1e-6 if kind == "cosine" else 0.02
        assert ours.rate(step / n_batches) == pytest.approx(expected, abs=tolerance)
        optimizer.step()
        theirs.step()


def test_coslog4_has_four_waves_each_twice_as_long():
    schedule = Schedule(1.0, "coslog4", n_epochs=15)
    # log2(1 + 15 p) is a whole number, and the wave at its foot, at 0, 1, 3, 7 and 15.
    assert [schedule.rate(t) for t in (0, 1, 3, 7, 15)] == pytest.approx([0.0] * 5)
    tops = [15 * (2 ** (k + 0.5) - 1) / 15 for k in range(4)]
    assert [schedule.rate(t) for t in tops] == pytest.approx([1.0] * 4)


def test_warm_up_is_linear_and_begins_above_zero():
    schedule = Schedule(0.8, warmup_epochs=2.0)
    measured = [schedule.rate(k / 4, batch=1 / 4) for k in range(10)]
    assert measured[:8] == pytest.approx([0.1 * (k + 1) for k in range(8)])
    assert measured[8:] == [0.8, 0.8]


@pytest.mark.parametrize("kind", SCHEDULES)
def test_every_rate_is_finite_and_not_negative(kind):
    schedule = Schedule(0.1, kind, n_epochs=20, warmup_epochs=1.5)
    measured = [schedule.rate(k / 3, n_seen=10 * k, batch=1 / 3) for k in range(75)]
    assert all(0 <= rate <= 0.1 + 1e-12 for rate in measured)
