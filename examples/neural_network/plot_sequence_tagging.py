"""
=================================
A label for each step, or for all
=================================

A sequence may have a label at each of its steps, or one as a whole. In the first case a
tagger learns what each step is. In the second, attention learns which steps the label
is about, though nobody says so.
"""

# %%
# A walk in three paces
# =====================
#
# A sensor on a leg: somebody rests, walks or runs, and changes the pace every now and
# then. Recordings have different lengths. Each step of time is to be labelled.

import numpy as np

PACES = np.array(["rest", "walk", "run"])
FREQUENCY = np.array([0.0, 0.05, 0.13])


def record(rng):
    """Return the signal of a recording, and the pace at each step."""
    paces = [rng.integers(3)]
    for _ in range(rng.integers(3, 7)):
        paces.append((paces[-1] + rng.integers(1, 3)) % 3)
    pace = np.repeat(paces, rng.integers(15, 50, size=len(paces)))
    phase = 2 * np.pi * (np.cumsum(FREQUENCY[pace]) + rng.random())
    signal = np.sin(phase) * (pace > 0) + rng.normal(scale=0.4, size=len(pace))
    return signal.astype(np.float32), PACES[pace]


rng = np.random.default_rng(0)
recordings, labels = zip(*(record(rng) for _ in range(300)), strict=True)
recordings, labels = list(recordings), list(labels)
print("lengths:", min(map(len, recordings)), "to", max(map(len, recordings)))

# %%
# With and without the future
# ===========================
#
# X is a list of arrays and y a list of labels of the same lengths. By default a tagger
# reads each recording in both directions. The other one here has to decide from what
# has been seen so far, as it must where labels are wanted at once.

from sklearn_dl.neural_network import RNNTagger

taggers = {
    name: RNNTagger(
        "lstm",
        hidden_size=32,
        bidirectional=bidirectional,
        batch_size=16,
        learning_rate="one_cycle",
        learning_rate_init=0.02,
        max_iter=15,
        random_state=0,
    ).fit(recordings[:200], labels[:200])
    for name, bidirectional in (("one direction", False), ("both directions", True))
}
for name, tagger in taggers.items():
    print(f"{name}: {tagger.score(recordings[200:], labels[200:]):.3f}")

# %%
# The bars are the labels, true and predicted, below the signal of a recording of the
# test. Somebody who reads in one direction is late at each change.

import matplotlib.pyplot as plt
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch

COLORS = ["0.85", "C0", "C1"]
EXAMPLE = 202

bars = {"truth": labels[EXAMPLE]} | {
    name: tagger.predict([recordings[EXAMPLE]])[0] for name, tagger in taggers.items()
}
fig, axes = plt.subplots(
    4,
    1,
    figsize=(9, 4.5),
    sharex=True,
    height_ratios=[4, 1, 1, 1],
    layout="constrained",
)
axes[0].plot(recordings[EXAMPLE], color="0.3", lw=1)
for ax, (name, row) in zip(axes[1:], bars.items(), strict=True):
    codes = [PACES.tolist().index(label) for label in row]
    ax.imshow([codes], cmap=ListedColormap(COLORS), vmin=0, vmax=2, aspect="auto")
    ax.set_yticks([0], [name])
axes[-1].set_xlabel("Step")
fig.legend(
    [Patch(color=color) for color in COLORS], PACES, loc="outside upper center", ncols=3
)
plt.show()

# %%
# Where the errors are
# ====================
#
# How many labels are right, by the distance to the last change and to the next one.
# Behind a change the one direction needs some steps until it has seen enough of the new
# pace. Both together are wrong only next to a change, where the noise hides it.


def distance_to_change(row):
    """Return for each step how far behind (or before: negative) the nearest change."""
    changes = np.flatnonzero(row[1:] != row[:-1]) + 1
    gaps = np.arange(len(row))[:, np.newaxis] - changes
    return gaps[np.arange(len(row)), np.abs(gaps + 0.5).argmin(axis=1)]


distance = np.concatenate([distance_to_change(row) for row in labels[200:]])
around = np.arange(-15, 15)
_, ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
for name, tagger in taggers.items():
    right = np.concatenate(tagger.predict(recordings[200:])) == np.concatenate(
        labels[200:]
    )
    ax.plot(around, [right[distance == d].mean() for d in around], ".-", label=name)
ax.axvline(-0.5, color="0.8", zorder=0)
ax.set(xlabel="Steps behind the change of pace", ylabel="Share of right labels")
ax.legend()
plt.show()

# %%
# One label for all
# =================
#
# Now a recording has one label: does somebody stumble? A stumble is a short shock,
# anywhere in a recording, and the labels do not say where. With
# ``pooling="attention"`` the network takes a mean of the states with weights that it
# learns to give. The last states have come a long way since the shock and know nothing
# of it; in a plain mean, its few steps are few among many.

from sklearn_dl.neural_network import RNNClassifier


def shock(rng, signal):
    """Return a copy of a signal with a shock, and where that begins."""
    start = rng.integers(5, len(signal) - 10)
    signal = signal.copy()
    signal[start : start + 4] += [1.5, -2, 2, -1.5]
    return signal, start


stumbles = rng.random(len(recordings)) < 0.5
starts = np.full(len(recordings), -1)
stumbled = []
for k, signal in enumerate(recordings):
    if stumbles[k]:
        signal, starts[k] = shock(rng, signal)
    stumbled.append(signal)

classifiers = {
    pooling: RNNClassifier(
        "lstm",
        hidden_size=32,
        bidirectional=True,
        pooling=pooling,
        batch_size=16,
        learning_rate="one_cycle",
        learning_rate_init=0.02,
        max_iter=25,
        random_state=0,
    ).fit(stumbled[:200], stumbles[:200])
    for pooling in ("last", "mean", "attention")
}
for pooling, classifier in classifiers.items():
    print(f"{pooling:9}  {classifier.score(stumbled[200:], stumbles[200:]):.2f}")

# %%
# Where it looks
# ==============
#
# The fitted network is a torch module, ``net_.module_``, and a hook on its part
# ``score`` hears the numbers that become the weights by a softmax. The triangles are
# where the shocks are. Nearly all of the weight goes to one step, where one of the two
# directions has just read the shock.

import torch


def attention(classifier, signal):
    """Return the weight of each step of a signal."""
    scores = []
    network = classifier.net_.module_.network
    hook = network.score.register_forward_hook(lambda *args: scores.append(args[-1]))
    classifier.predict([signal])
    hook.remove()
    return torch.softmax(scores[0][0, :, 0], dim=0).numpy()


shown = [k for k in range(200, 300) if stumbles[k]][:4]
_, axes = plt.subplots(4, 1, figsize=(9, 6), sharex=True, layout="constrained")
for ax, k in zip(axes, shown, strict=True):
    signal = stumbled[k]
    weights = attention(classifiers["attention"], signal)
    extent = (-0.5, len(signal) - 0.5, -4, 4)
    ax.imshow(weights[np.newaxis], cmap="Reds", aspect="auto", extent=extent)
    ax.plot(signal, color="0.3", lw=1)
    ax.plot(starts[k] + 1.5, -3.6, marker="^", color="C0")
    ax.set_yticks([])
axes[-1].set_xlabel("Step")
plt.show()
