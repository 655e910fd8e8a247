"""The same question asked with many seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from plaplace.verify.arrays import Native
from plaplace.verify.estimator.binding import Answer, Bound

__all__ = ["Runs", "repeat"]

_ROUNDING = 1e-11  # relative; seeds that differ by less make no difference


@dataclass(frozen=True)
class Runs:
    """Answers of one estimator to one question.

    Attributes:
        values: (S, B, P), one a seed; S = 1 where two seeds gave the same.
        errors: standard errors (S, B, P), or None.
        freedom: degrees of freedom that the errors state; inf where none are stated.
        remarks: what had to be put right to read them.
    """

    values: Tensor
    errors: Tensor | None
    freedom: float
    remarks: tuple[str, ...]

    @property
    def repeated(self) -> bool:
        """Whether seeds make a difference."""
        return len(self.values) > 1

    @property
    def mean(self) -> Tensor:
        """Over the seeds, (B, P)."""
        return self.values.mean(0)

    @property
    def deviation(self) -> Tensor:
        """Standard deviation over the seeds, (B, P); 0 where seeds make no difference."""
        return self.values.std(0) if self.repeated else torch.zeros_like(self.values[0])

    @property
    def mean_error(self) -> Tensor:
        """Standard error of the mean over the seeds, (B, P)."""
        return self.deviation / math.sqrt(len(self.values))


def repeat(bound: Bound, score: Native, x: Tensor, p: Sequence[float], length: float | None, seeds: int) -> Runs:
    """Ask with seeds 0 to `seeds - 1`, or with the first alone where the second gives the same but for rounding."""
    answers: list[Answer] = []
    for seed in range(max(seeds, 2)):
        answers.append(bound(score, x, p, length, seed))
        if seed == 1 and _same(answers[0].value, answers[1].value):
            answers.pop()
            break
    errors = [each.error for each in answers if each.error is not None]
    return Runs(
        torch.stack([each.value for each in answers]),
        torch.stack(errors) if len(errors) == len(answers) else None,
        min(each.freedom for each in answers),
        tuple(dict.fromkeys(remark for each in answers for remark in each.remarks)),
    )


def _same(first: Tensor, second: Tensor) -> bool:
    return torch.allclose(first, second, rtol=_ROUNDING, atol=0.0, equal_nan=True)
