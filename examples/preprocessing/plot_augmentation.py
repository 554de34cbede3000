"""
==================
Image augmentation
==================

A photograph that is mirrored, tilted or a little darker shows what it showed. A model
that has seen such variants does not take the differences for something that matters.
Here is every change that :class:`~sklearn_dl.preprocessing.ImageAugmenter` makes, and
what right and wrong ones do to a classifier of digits.
"""

# %%
# The photograph is one of the two that scikit-learn ships. Each row below begins with
# it. The other pictures are changed with one parameter, and random numbers of their
# own. The strengths are larger than one would train with, to be seen.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_sample_image

from sklearn_dl.preprocessing import ImageAugmenter

photo = load_sample_image("china.jpg")[20:350:2, 30:470:2]
N_PICTURES = 4


def draw(changes):
    _, axes = plt.subplots(
        len(changes),
        1 + N_PICTURES,
        figsize=(9, 1.35 * len(changes)),
        layout="constrained",
    )
    for row, change in zip(axes, changes, strict=True):
        augmenter = ImageAugmenter(**change, n_copies=N_PICTURES, random_state=9)
        pictures = augmenter.fit(photo[np.newaxis]).augment(photo[np.newaxis])
        for ax, picture in zip(row, pictures, strict=True):
            ax.imshow(picture)
            ax.set(xticks=[], yticks=[])
        name = ", ".join(f"{key}={value!r}" for key, value in change.items())
        row[1].set_title(name, fontsize="medium", loc="left")
    axes[0, 0].set_title("photo", fontsize="medium", loc="left")
    plt.show()


# %%
# Where things are
# ================
#
# All moves that are asked for are put together before a pixel is computed: an image is
# never interpolated twice. Flips, shifts and crops by whole pixels are not interpolated
# at all.

draw(
    [
        {"horizontal_flip": True},
        {"vertical_flip": True},
        {"rotation": 30},
        {"shift": 0.2},
        {"shear": 25},
        {"zoom": 0.5},
        {"crop": 30},
        {"crop": 0.5},
    ]
)

# %%
# A move leaves a gap. ``fill`` says what comes in: the nearest pixel, the mirror image,
# or nothing.

draw([{"rotation": 30, "fill": fill} for fill in ("nearest", "reflect", "constant")])

# %%
# What they look like
# ===================
#
# ``color_shift`` moves each channel by itself, into any colour. ``pca_color`` moves
# along the colours in which the training images differ, which looks like other light.
# Erasing and cutout make the model look at more than one part of the thing.

draw(
    [
        {"brightness": 0.5},
        {"contrast": 0.6},
        {"color_shift": 0.2},
        {"pca_color": 0.5},
        {"noise": 0.1},
        {"erasing": 1.0},
        {"cutout": 0.4},
    ]
)

# %%
# Mixup
# =====
#
# Two images become one, and so do their targets. A half of a temple and a half of a
# flower is taught as just that.

flower = load_sample_image("flower.jpg")[60:390:2, 100:540:2]
augmenter = ImageAugmenter(mixup=1.0, n_copies=3, random_state=9)
X = np.stack([photo, flower])
pictures, shares = augmenter.fit(X).augment(X, ["temple", "flower"])

fig, axes = plt.subplots(2, 4, figsize=(9, 3.8), layout="constrained")
for ax, picture, (flower_share, temple_share) in zip(
    axes.T.flat, pictures, shares, strict=True
):
    ax.imshow(picture)
    ax.set(xticks=[], yticks=[])
    ax.set_title(f"temple {temple_share:.2f}, flower {flower_share:.2f}", fontsize=9)
plt.show()

# %%
# Which changes are right
# =======================
#
# Those that leave the target as it is, and that may happen to the images to come. A
# hundred digits train a support vector machine, alone or with more and more changed
# copies. Digits may lie a pixel further to the side or lean: copies that do so help.
# No digit is written mirrored, so copies that are mirrored teach something wrong.

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

images, y = load_digits(return_X_y=True)
N_COPIES = [0, 1, 3, 10, 30]


def accuracy(change, n_copies, seed):
    X_train, X_test, y_train, y_test = train_test_split(
        images, y, train_size=100, stratify=y, random_state=seed
    )
    if n_copies:
        augmenter = ImageAugmenter(**change, input_shape=(8, 8), random_state=seed)
        augmenter.fit(X_train)
        X_train, y_train = augmenter.augment(X_train, y_train, n_copies=n_copies)
    return SVC(gamma=0.001, C=10).fit(X_train, y_train).score(X_test, y_test)


fig, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
for change in [{"shift": 0.13}, {"rotation": 15}, {"horizontal_flip": True}]:
    scores = [
        np.mean([accuracy(change, n_copies, seed) for seed in range(5)])
        for n_copies in N_COPIES
    ]
    (name,) = (f"{key}={value!r}" for key, value in change.items())
    ax.plot(N_COPIES, scores, "o-", label=name)
    print(f"{name:22s}", " ".join(f"{score:.3f}" for score in scores))
ax.set(
    xlabel="Changed copies of each training digit",
    ylabel="Accuracy on 1697 other digits",
    xscale="symlog",
    xticks=N_COPIES,
    xticklabels=N_COPIES,
)
ax.legend()
plt.show()
