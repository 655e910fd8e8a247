"""Optional packages, imported where they are used."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from types import ModuleType

__all__ = ["quiet", "require"]


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


@contextlib.contextmanager
def quiet(*libraries: ModuleType) -> Iterator[None]:
    """Without the progress bars and the warnings of diffusers or transformers, one of which is advice to install
    torchvision; errors still show.
    """
    loggings = [importlib.import_module(f"{library.__name__}.utils.logging") for library in libraries]
    before = [(logging.is_progress_bar_enabled(), logging.get_verbosity()) for logging in loggings]
    for logging in loggings:
        logging.disable_progress_bar()
        logging.set_verbosity_error()
    try:
        yield
    finally:
        for logging, (shown, level) in zip(loggings, before, strict=True):
            logging.set_verbosity(level)
            if shown:
                logging.enable_progress_bar()
