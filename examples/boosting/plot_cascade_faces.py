"""
========================================
Faces in photographs, found by a cascade
========================================

A cascade of boosted stages looks at every window of an image, at every size. It can do
so because nearly all windows are rejected by the first few features. Here it learns
faces that are drawn, and finds them in photographs.
"""

# %%
# The object
# ==========
#
# A head, two eyes and a mouth, painted over a part of a photograph. No two are quite
# the same in place, size, light and noise. scikit-learn ships two photographs: the
# left halves are for the training, upside down too; the right ones for the test.

import numpy as np
from sklearn.datasets import load_sample_images


def paint_face(image, row, column, size, generator):
    """Paint a face over a square of the image."""
    part = image[row : row + size, column : column + size]
    rows, columns = (np.mgrid[:size, :size] + 0.5) / size
    zoom = generator.uniform(0.9, 1.15)
    rows = (rows - 0.5) * zoom + generator.uniform(0.46, 0.54)
    columns = (columns - 0.5) * zoom + generator.uniform(0.46, 0.54)
    head = ((rows - 0.5) / 0.5) ** 2 + ((columns - 0.5) / 0.42) ** 2 < 1
    face = head.astype(float)
    for left in (0.3, 0.7):
        face[((rows - 0.4) / 0.08) ** 2 + ((columns - left) / 0.12) ** 2 < 1] = -0.6
    face[(abs(rows - 0.75) < 0.05) & (abs(columns - 0.5) < 0.2)] = -0.6
    face += generator.normal(scale=0.15, size=face.shape)
    painted = generator.uniform(80, 150) + generator.uniform(25, 70) * face
    part[head] = painted[head]


photographs = [image.mean(axis=2) for image in load_sample_images().images]
half = photographs[0].shape[1] // 2
background = [image[:, :half] for image in photographs]
background += [image[::-1] for image in background]

generator = np.random.default_rng(0)


def cut_window(size=24):
    """Return a window of the training's half of a photograph."""
    image = background[generator.integers(len(background))]
    row, column = generator.integers(0, np.array(image.shape) - size)
    return image[row : row + size, column : column + size].copy()


faces = np.array([cut_window() for _ in range(2000)])
for window in faces:
    paint_face(window, 0, 0, 24, generator)
others = np.array([cut_window() for _ in range(500)])
X = np.concatenate([faces, others])
y = np.repeat([1, 0], [len(faces), len(others)])

# %%
# The cascade
# ===========
#
# Each stage is an AdaBoost of stumps. It has to let 99.5 % of the faces pass and no
# more than half of the other windows that come to it. Those are drawn from the
# background, and the stages before take them for faces: every stage has a harder task
# than the one before.

from sklearn_dl.boosting import CascadeClassifier

cascade = CascadeClassifier(
    n_stages=18, n_features=5000, validation_fraction=0.2, random_state=0
).fit(X, y, background=background)

import matplotlib.pyplot as plt

n_stumps = np.diff(cascade.stage_ends_, prepend=0)
stages = np.arange(1, cascade.n_stages_ + 1)
fig, axes = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
axes[0].bar(stages, n_stumps)
axes[0].set(xlabel="Stage", ylabel="Features")
axes[1].semilogy(stages, cascade.false_alarm_rates_, "o-")
axes[1].set(xlabel="Stage", ylabel="Share of the background that comes to it")
plt.show()

# %%
# The first features
# ==================
#
# The sum over the white cells has to exceed the sum over the black ones by a threshold,
# for a vote in favour of a face. Behind them the mean face.

from matplotlib.patches import Rectangle

grids = {
    "type-2-x": [[-1, 1]],
    "type-2-y": [[-1], [1]],
    "type-3-x": [[-1, 1, -1]],
    "type-3-y": [[-1], [1], [-1]],
    "type-4": [[-1, 1], [1, -1]],
}
fig, axes = plt.subplots(1, 5, figsize=(9, 2.2), layout="constrained")
for k, ax in enumerate(axes):
    ax.imshow(faces.mean(axis=0), cmap="gray")
    row, column, height, width = cascade.feature_rectangles_[k]
    signs = np.array(grids[cascade.feature_kinds_[k]]) * cascade.stump_votes_[k]
    high, wide = height / signs.shape[0], width / signs.shape[1]
    for (down, right), sign in np.ndenumerate(signs):
        corner = (column + right * wide - 0.5, row + down * high - 0.5)
        color = "white" if sign > 0 else "black"
        ax.add_patch(Rectangle(corner, wide, high, fc=color, ec="grey", alpha=0.8))
    ax.set(title=cascade.feature_kinds_[k], xticks=[], yticks=[])
plt.show()

# %%
# Detection
# =========
#
# Faces of several sizes in the halves of the photographs that the training has not
# seen. The number at a box is the sum of the scores of the windows that agree on it.

scene = np.concatenate([image[:, half:] for image in photographs], axis=1)
sizes = (24, 28, 34, 40, 48, 56, 66, 78)
for k, size in enumerate(sizes):
    row = generator.integers(0, scene.shape[0] - size)
    column = k * scene.shape[1] // len(sizes)
    paint_face(scene, row, column, size, generator)

boxes, scores = cascade.detect(scene)

fig, ax = plt.subplots(figsize=(9, 6), layout="constrained")
ax.imshow(scene, cmap="gray")
for (left, top, right, bottom), score in zip(boxes, scores, strict=True):
    box = Rectangle((left, top), right - left, bottom - top, fill=False, ec="yellow")
    ax.add_patch(box)
    ax.text(left, top - 4, f"{score:.0f}", color="yellow", size="small")
ax.set_axis_off()
plt.show()

# %%
# How little a window costs
# =========================
#
# The features that the windows of one size take in the scene: most leave after the
# first stage.

views = np.lib.stride_tricks.sliding_window_view(scene, (24, 24))[::2, ::2]
counts = cascade.n_features_evaluated(views.reshape(-1, 24, 24))
print(f"features in the cascade: {cascade.stage_ends_[-1]}")
print(f"evaluated a window, on average: {counts.mean():.1f}")
print(f"windows that leave after the first stage: {np.mean(counts == n_stumps[0]):.0%}")
