"""Modules draw their initial weights from torch's global generator."""

import pytest
import torch


@pytest.fixture(autouse=True)
def seeded_generator():
    """Seed torch for a test and put its generator back."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield
