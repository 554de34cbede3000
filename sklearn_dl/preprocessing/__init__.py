"""Preparation of data before a network sees it."""

from sklearn_dl.preprocessing._image_augmenter import ImageAugmenter

__all__ = ["ImageAugmenter"]
