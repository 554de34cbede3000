"""
=============================
What a unit of a network sees
=============================

A unit behind one 3x3 convolution sees nine pixels. A unit behind the next sees nine of
those units, and so 5x5 pixels. The part of an image that a unit can depend on is its
receptive field. It says what a network can tell apart: an eye, a face, or a crowd.
"""

# %%
# How far the layers of VGG-16 see
# ================================
#
# :func:`~sklearn_dl.modules.layer_table` computes the receptive field of every layer.
# On the device ``"meta"`` a network has shapes but no weights, so that this one, of
# half a gigabyte, costs nothing. The squares are the receptive fields of one unit
# behind each of the five poolings. The last one sees nearly the whole photograph.

import matplotlib.pyplot as plt
import torch
from matplotlib.patches import Rectangle
from sklearn.datasets import load_sample_image

from sklearn_dl.modules import build_layers, layer_table, make_convolutional

photo = load_sample_image("china.jpg")[130:354, 180:404]  # 224 x 224 pixels

with torch.device("meta"):
    vgg16 = make_convolutional("vgg16", (3, 224, 224), 1000)
poolings = [row for row in layer_table(vgg16, (3, 224, 224)) if "Pool" in row.kind]


def draw_square(ax, side, centre, colour):
    """Draw the border of a square that is `side` pixels wide."""
    corner = centre - side / 2
    ax.add_patch(
        Rectangle((corner, corner), side, side, fill=False, color=colour, lw=2)
    )


fig, ax = plt.subplots(figsize=(7, 5), layout="constrained")
ax.imshow(photo)
for k, row in enumerate(poolings):
    side = row.receptive_field[0]
    draw_square(ax, side, centre=112, colour=f"C{k + 1}")
    ax.plot([], [], color=f"C{k + 1}", label=f"pooling {k + 1}: {side} x {side}")
fig.legend(loc="outside right center")
ax.set(xticks=[], yticks=[], title="Receptive fields in VGG-16")
plt.show()

# %%
# Three ways to see further
# =========================
#
# Six 3x3 convolutions one behind the other see 13x13 pixels, two more a layer. To see
# further one can leave gaps in the kernel (a dilation), or make the image smaller (a
# stride or a pooling). All three networks below have the same number of weights.


def stack(**options):
    """Describe six convolutions; each option has one value a layer."""
    return [
        {"layer": "conv", "filters": 16, **dict(zip(options, values, strict=True))}
        for values in zip(*options.values(), strict=True)
    ]


architectures = {
    "plain": stack(dilation=[1, 1, 1, 1, 1, 1]),
    "dilation": stack(dilation=[1, 2, 4, 1, 2, 4]),
    "stride": stack(stride=[1, 2, 1, 2, 1, 1]),
}
SIDE = 41
torch.manual_seed(0)
networks = {
    name: build_layers(layers, (1, SIDE, SIDE), n_outputs=2)
    for name, layers in architectures.items()
}
tables = {
    name: [row for row in layer_table(network, (1, SIDE, SIDE)) if "Conv" in row.kind]
    for name, network in networks.items()
}

_, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
for name, rows in tables.items():
    fields = [row.receptive_field[0] for row in rows]
    ax.plot(range(1, len(fields) + 1), fields, marker="o", label=name)
ax.set(xlabel="Layer", ylabel="Side of the receptive field [pixels]")
ax.legend()
plt.show()

# %%
# The price is different. The dilated network keeps the image at its full size, and
# computes as much as the plain one. The one with strides computes less, and what it
# knows about places is coarser.

for name, rows in tables.items():
    total = sum(row.multiply_adds for row in rows)
    print(f"{name:8}  {total / 1e6:4.1f} million multiply-adds")

# %%
# What it looks at in its field
# =============================
#
# To be able to see a pixel is not the same as to look at it. The gradient of a unit
# with respect to the pixels tells how much it depends on each. Here it is for the unit
# in the middle of the last feature map, the mean of its size over 200 random images,
# before any training. The white squares are the receptive fields.
#
# The unit looks at the middle: many paths lead there through the layers, and one path
# alone leads to a corner of the field. The weight falls off like a bell, and what
# counts is smaller than what is possible. Strides leave stripes: every other pixel lies
# in two windows of the first of them, those between in one.


def dependence(network):
    """Return the mean size of the gradient of the middle unit, pixel by pixel."""
    images = torch.randn(200, 1, SIDE, SIDE, requires_grad=True)
    maps = network.features[:-1](images)  # the last of the features is the flattening
    middle = maps.shape[-1] // 2
    maps[:, :, middle, middle].sum().backward()
    return images.grad.abs().mean(dim=(0, 1)).numpy()


_, axes = plt.subplots(1, 3, figsize=(9, 3.3), layout="constrained")
for ax, (name, network) in zip(axes, networks.items(), strict=True):
    side = tables[name][-1].receptive_field[0]
    gradient = dependence(network)
    ax.imshow(gradient, cmap="magma")
    draw_square(ax, side, centre=SIDE // 2, colour="white")
    ax.set(xticks=[], yticks=[], title=f"{name}: {side} x {side}")
plt.show()
