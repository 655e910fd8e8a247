"""Optional packages, imported where they are used."""

from __future__ import annotations

import importlib
from types import ModuleType

__all__ = ["require"]


def require(package: str, extra: str, purpose: str) -> ModuleType:
    """The package.

    Raises:
        ImportError: it is missing; says which extra of plaplace installs it.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise ImportError(
            f"{package} is needed for {purpose} ({error}); install it with: pip install 'plaplace[{extra}]'"
        ) from error
