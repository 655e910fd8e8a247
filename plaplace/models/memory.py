"""How much memory a network's call takes, measured by watching every tensor it makes.

Peak of the bytes alive at once, as torch's dispatcher sees them: the same on every device and every run, so that
batches are cut alike everywhere. What a kernel allocates inside for itself is not seen.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

__all__ = ["peak_bytes", "rows_within"]


class _Watch(TorchDispatchMode):
    """Adds up the storages alive that were made under it."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.alive, self.peak = 0, 0
        self.known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        given = {leaf.untyped_storage()._cdata for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)}
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor):
                storage = leaf.untyped_storage()
                if storage._cdata not in self.known and storage._cdata not in given:
                    self._add(storage)
        return result

    def _add(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        self.known.add(key)
        self.alive += size
        self.peak = max(self.peak, self.alive)
        weakref.finalize(storage, self._drop, key, size)

    def _drop(self, key: int, size: int) -> None:
        self.known.discard(key)
        self.alive -= size


@torch.no_grad()
def peak_bytes(call: Callable[[Tensor], Tensor], x: Tensor) -> int:
    """Most bytes alive at once that a call on x makes, x itself included."""
    with _Watch() as watch:
        call(x)
    return watch.peak + x.nbytes


def rows_within(call: Callable[[Tensor], Tensor], x: Tensor, budget: int) -> int:
    """How many points like those of x (B, *shape) a call may take within a budget of bytes; at least 1.

    One call on one point tells: n points take at most n times its peak, less where a part of it is paid once a call.
    """
    return max(1, budget // peak_bytes(call, x[:1]))
