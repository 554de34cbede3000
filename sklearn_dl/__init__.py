"""Techniques of machine learning as scikit-learn estimators.

Subpackages are loaded on first use: importing this package loads neither torch nor
pandas, and changes nothing outside itself.
"""

import importlib
from types import ModuleType

__version__ = "0.1.0"

__all__ = [
    "__version__",
    "base",
    "boosting",
    "domain_adaptation",
    "embedding",
    "exceptions",
    "inspection",
    "model_selection",
    "modules",
    "neural_network",
    "preprocessing",
    "testing",
    "text",
    "utils",
]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
