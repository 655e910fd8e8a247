"""Where training points come from: a sampler that never repeats itself, or a finite array in shuffled epochs.

Either way every random number comes from the one generator it is given, on the CPU, so that a run can be continued
from the generator's state and the order and position of the epoch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Batches", "Sampler", "checked_labels", "checked_points", "fingerprint"]

Sampler = Callable[[int, torch.Generator], Tensor]


def checked_points(points: object, name: str = "data") -> Tensor:
    """The points as a float32 tensor (N, *shape) on the CPU.

    Raises:
        ValueError: not an array of floats, fewer than one point, no axis besides the first, or not finite.
    """
    tensor = torch.as_tensor(points)
    if not tensor.is_floating_point():
        raise ValueError(f"{name} is of type {tensor.dtype}; accepted are floating-point numbers")
    if tensor.ndim < 2 or tensor.numel() == 0:
        raise ValueError(f"{name} has shape {tuple(tensor.shape)}; accepted is (N, *shape) with N >= 1")
    tensor = tensor.detach().to("cpu", torch.float32)
    if not bool(tensor.isfinite().all()):
        rows = int((~tensor.flatten(1).isfinite().all(1)).sum())
        raise ValueError(f"{name} has {rows} of {len(tensor)} points that are not finite; accepted are finite points")
    return tensor


def checked_labels(labels: object, number: int) -> Tensor:
    """The labels as an int64 tensor (N,) on the CPU.

    Raises:
        ValueError: not one whole number >= 0 for each of `number` points.
    """
    tensor = torch.as_tensor(labels).detach().cpu()
    if (
        tensor.shape != (number,)
        or tensor.dtype not in (torch.int64, torch.int32, torch.uint8)
        or int(tensor.min()) < 0
    ):
        raise ValueError(
            f"labels are {tensor.dtype} of shape {tuple(tensor.shape)}; accepted are {number} whole numbers >= 0"
        )
    return tensor.long()


def fingerprint(points: Tensor, labels: Tensor | None = None) -> str:
    """SHA-256 of shape and numbers, and of the labels: a resumed training must meet the data it began with."""
    digest = hashlib.sha256(str(tuple(points.shape)).encode())
    digest.update(points.contiguous().numpy().data)
    if labels is not None:
        digest.update(labels.contiguous().numpy().data)
    return digest.hexdigest()


@dataclass
class Batches:
    """A stream of batches.

    Attributes:
        sampler: draws fresh points; None for an array.
        points: the array, (N, *shape); None for a sampler.
        labels: (N,), of the points; None without classes.
        size: points a batch; the last batch of an epoch is shorter where N is no multiple of it.
        order: (N,) int64, the shuffled order of the epoch; empty before the first one and for a sampler.
        position: how many of the epoch's points were given.
    """

    sampler: Sampler | None
    points: Tensor | None
    labels: Tensor | None
    size: int
    order: Tensor
    position: int = 0

    @staticmethod
    def of(data: Sampler | Tensor, size: int, labels: Tensor | None = None) -> Batches:
        """Batches of a sampler or of points that `checked_points` has seen, and their labels."""
        empty = torch.empty(0, dtype=torch.int64)
        return Batches(data, None, None, size, empty) if callable(data) else Batches(None, data, labels, size, empty)

    def draw(self, generator: torch.Generator) -> tuple[Tensor, Tensor | None]:
        """The next batch, float32 on the CPU, and its labels."""
        if self.sampler is not None:
            return checked_points(self.sampler(self.size, generator), "what the sampler drew"), None
        assert self.points is not None
        if self.position >= len(self.order):
            self.order, self.position = torch.randperm(len(self.points), generator=generator), 0
        chosen = self.order[self.position : self.position + self.size]
        self.position += self.size
        return self.points[chosen], None if self.labels is None else self.labels[chosen]
