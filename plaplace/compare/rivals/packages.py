"""Which packages are there."""

from __future__ import annotations

import importlib.metadata

__all__ = ["version"]


def version(package: str) -> str:
    """Name and version of an installed distribution, "" where it is absent.

    >>> version("no-such-package")
    ''
    """
    try:
        return f"{package} {importlib.metadata.version(package)}"
    except importlib.metadata.PackageNotFoundError:
        return ""
