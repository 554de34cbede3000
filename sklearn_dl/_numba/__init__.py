"""Compiled kernels that are not trees."""
