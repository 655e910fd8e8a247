"""Points in blocks: what a form is, how many points it takes at once, and the values of its blocks as one."""

from __future__ import annotations

import math
from typing import Any, Protocol

import torch
from torch import Tensor

from plaplace.mixture.fast.evaluation import Evaluation, Wants

__all__ = ["ELSEWHERE", "Form", "even", "joined", "points_a_block"]

ELSEWHERE = 16  # times as large are blocks that are not on a CPU: fewer launches


class Form(Protocol):
    """A fast form: how many points make a block on a CPU, whether points are taken from the centre, and the values at
    points (N, D).

    What forms the differences x - mu_k has no centre: theirs, of centred numbers, would have lost what the centre is
    larger by.
    """

    block: int
    centred: bool

    def evaluate(self, y: Tensor, wants: Wants) -> Evaluation: ...


def points_a_block(numbers: int, together: int = 2**16, least: int = 64) -> int:
    """How many points to a block, of so many numbers each in the largest temporary: few that fit the cache, but not
    fewer than a matrix product needs."""
    return max(least, together // max(1, numbers))


def even(points: Tensor, block: int) -> tuple[Tensor, ...]:
    """Rows in blocks of one size, at most so many on a CPU: the last one is not a small rest."""
    block *= 1 if points.device.type == "cpu" else ELSEWHERE
    return points.split(math.ceil(len(points) / max(1, math.ceil(len(points) / block))) or 1)


def joined(parts: list[Evaluation]) -> Evaluation:
    """Of consecutive points."""
    if len(parts) == 1:
        return parts[0]
    columns: Any = (None if column[0] is None else torch.cat(column) for column in zip(*parts, strict=True))
    return Evaluation(*columns)
