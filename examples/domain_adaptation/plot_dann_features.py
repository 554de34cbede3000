"""
==============================
Features before and after DANN
==============================

A network learns digits from one scanner and has to read those of another. Its features
give away which scanner an image is from, and for the second one they are not in the
places that the network knows. The domain-adversarial network learns features that do
not tell; it sees images of the second scanner, but none of its labels.
"""

# %%
# Two scanners
# ============
#
# Each pixel of the second scanner has a gain and an offset of its own.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from sklearn_dl.domain_adaptation import DANNClassifier, DomainDisplay

rng = np.random.default_rng(0)
X, y = load_digits(n_class=5, return_X_y=True)
X = X / 16
is_target = rng.permutation(len(X)) >= len(X) // 2
X[is_target] *= rng.uniform(0.5, 1.5, size=64)
X[is_target] += rng.uniform(0, 0.5, size=64)
sample_domain = np.where(is_target, -1, 0)

fig, axes = plt.subplots(2, 5, figsize=(7, 3), layout="constrained")
for row, side in zip(axes, (~is_target, is_target), strict=True):
    for digit, ax in enumerate(row):
        image = X[side & (y == digit)][0].reshape(8, 8)
        ax.imshow(image, cmap="gray_r", vmin=0, vmax=2)
        ax.set(xticks=[], yticks=[])
for ax, name in zip(axes[:, 0], ("source", "target"), strict=True):
    ax.set_ylabel(name)
plt.show()

# %%
# Two networks
# ============
#
# Both have the same body, with ten features, and see the same batches. With
# ``max_lambda=0`` nothing comes back from the head that tells the domains apart: this
# is a network that learns from the source only. All labels of the target are masked.

params = {
    "hidden_layer_sizes": (50, 10),
    "activation": "tanh",
    "learning_rate_init": 0.05,
    "batch_size": 64,
    "random_state": 0,
}
masked = np.where(is_target, -1, y)
plain = DANNClassifier(**params, max_lambda=0)
adapted = DANNClassifier(**params, max_lambda=0.3)
for name, network in (("source only", plain), ("DANN", adapted)):
    network.fit(X, masked, sample_domain=sample_domain)
    print(f"{name:12} {network.score(X[is_target], y[is_target]):.3f} on the target")

# %%
# Their features
# ==============
#
# The ten features in two dimensions, by t-SNE; the labels of the target are used for
# the colours only. On the left circles and crosses of the same digit are often apart,
# and crosses of one digit lie with circles of another. On the right they are together.
#
# The number in the titles is the proxy A-distance: 2 if a linear classifier can tell
# the domains apart without an error, 0 if it can but guess.

display = DomainDisplay.from_features(
    plain.predict_features(X),
    y,
    sample_domain,
    after=adapted.predict_features(X),
    method="tsne",
    n_samples=300,
    random_state=0,
)
plt.show()

# %%
# The two losses
# ==============
#
# The loss of the domain head is ln 2 = 0.69 for who guesses. Without an adversary the
# head learns what it can from features that are not made to hide anything. With one it
# first learns as well; then, as the strength of the reversed gradient rises, the body
# takes away what it goes by.

fig, axes = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
for ax, loss in zip(axes, ("label_loss", "domain_loss"), strict=True):
    for name, network in (("source only", plain), ("DANN", adapted)):
        ax.plot([epoch[loss] for epoch in network.history_], label=name)
    ax.set(xlabel="Epoch", title=loss.replace("_", " ").capitalize())
axes[0].set_yscale("log")
axes[1].axhline(np.log(2), color="black", linewidth=0.8, linestyle=":")
axes[1].legend()
plt.show()
