"""What all estimators share about rows: checking, flattening, calls of bounded size, and what goes into an Estimate.

A score works row by row on `(B, *shape)`. Inside, a point is a row of D numbers; the score sees its own shape again at
every call, in the dtype and on the device of x. Everything computed from scores is computed in float64.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from plaplace.estimate import Estimate
from plaplace.operators import Exponent, exponents

__all__ = ["Rows", "Score", "count", "finish", "flux_exponents", "fork", "length_scale", "positive", "prepare"]

Score = Callable[[Tensor], Tensor]

_HELD = 2**18  # values of a group of rows, before they are averaged


@dataclass(frozen=True)
class Rows:
    """The points of one call.

    Attributes:
        score: the callable, on (N, *shape).
        flat: (B, D) points, detached.
        shape: of one point.
        chunk_size: most points in one score call.
    """

    score: Score
    flat: Tensor
    shape: tuple[int, ...]
    chunk_size: int

    @property
    def dimension(self) -> int:
        return self.flat.shape[1]

    def call(self, points: Tensor) -> Tensor:
        """Scores (N, D) at points (N, D). Raises a ValueError when the score answers in another shape."""
        answer = self.score(points.reshape(-1, *self.shape))
        if not isinstance(answer, Tensor):
            raise TypeError(f"score returned {type(answer).__name__}; it must return a torch tensor")
        if answer.shape != (len(points), *self.shape):
            expected = (len(points), *self.shape)
            raise ValueError(
                f"score returned shape {tuple(answer.shape)} for points of shape {expected}; both must be the same"
            )
        return answer.reshape(points.shape)

    def call_in_chunks(self, points: Tensor) -> Tensor:
        """Scores (N, D) at points (N, D), in calls of at most `chunk_size`."""
        return torch.cat([self.call(part) for part in points.split(self.chunk_size)])

    def groups(self, points_a_row: int = 1, number: int | None = None, held: int = 1) -> Iterator[slice]:
        """Slices of `number` rows (None: all) so small that all their points fit one call; of one row where no two
        do. A row holds `held` values, and a group no more than `_HELD`."""
        number = len(self.flat) if number is None else number
        step = max(1, min(self.chunk_size // points_a_row, _HELD // held))
        for start in range(0, number, step):
            yield slice(start, min(start + step, number))


def prepare(score: Score, x: Tensor, chunk_size: int | None) -> Rows:
    """Check and flatten the arguments that every estimator has.

    `chunk_size = None` bounds one call to 2^15 numbers and 2^14 points on a CPU, where larger calls leave the cache,
    and to 2^22 numbers and 2^18 points elsewhere.

    Raises:
        TypeError: score is not callable, or x is not a tensor.
        ValueError: x is not floating point, not (B, *shape) with D >= 1, or chunk_size < 1.
    """
    if not callable(score):
        raise TypeError(f"score = {score!r} was given; it must be a callable from (B, *shape) to (B, *shape)")
    if not isinstance(x, Tensor):
        raise TypeError(f"x is a {type(x).__name__}; the points must be a torch tensor of shape (B, *shape)")
    if not x.is_floating_point():
        raise ValueError(f"x has dtype {x.dtype}; the points must be floating point")
    shape = tuple(x.shape[1:])
    dimension = math.prod(shape)
    if x.ndim < 2 or dimension < 1:
        raise ValueError(
            f"x has shape {tuple(x.shape)}; the points have shape (B, *shape), at least one number a point"
        )
    if chunk_size is None:
        numbers, points = (2**15, 2**14) if x.device.type == "cpu" else (2**22, 2**18)
        chunk_size = max(1, min(numbers // dimension, points))
    flat = x.detach().reshape(len(x), dimension).contiguous()
    return Rows(score, flat, shape, count("chunk_size", chunk_size))


def count(name: str, value: int, least: int = 1) -> int:
    """`value` as an int. Raises a ValueError below `least`, a TypeError where it is no integer."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} = {value!r} was given; it must be an integer") from None
    if number < least:
        raise ValueError(f"{name} = {number} was given; it must be at least {least}")
    return number


def positive(name: str, value: float) -> float:
    """`value` as a float. Raises a ValueError unless it is finite and > 0."""
    number = float(value)
    if not (math.isfinite(number) and number > 0):
        raise ValueError(f"{name} = {value} was given; it must be finite and > 0")
    return number


def flux_exponents(p: Exponent) -> tuple[list[float], bool]:
    """`exponents(p)`, all finite. Raises a ValueError for p = inf, whose operator is no divergence."""
    values, single = exponents(p)
    if math.inf in values:
        raise ValueError(
            "p = inf was given; the normalised infinity-Laplacian has no flux form: "
            "use autodiff, finite_difference or hutchinson"
        )
    return values, single


def fork(generator: torch.Generator | None) -> torch.Generator:
    """A CPU generator seeded by one number of the given one (None: of torch's default generator).

    One call of an estimator takes one number, however many directions it draws, so that what is drawn next does not
    depend on chunk sizes, on tolerances or on the device.
    """
    device = "cpu" if generator is None else generator.device
    seed = torch.randint(2**62, (), generator=generator, device=device)
    return torch.Generator().manual_seed(int(seed))


def length_scale(points: Tensor) -> Tensor:
    """max(1, root mean square of a point's numbers), shape (B,) float64: the unit of a default step."""
    return points.double().square().mean(-1).sqrt().clamp(min=1.0)


def finish(
    x: Tensor,
    value: Tensor,
    standard_error: Tensor,
    nonfinite: Tensor,
    num_evaluations: int | Tensor,
    degrees_of_freedom: float | Tensor,
    covers: str,
    single: bool,
) -> Estimate:
    """The Estimate of float64 columns (B, P), cast to the dtype of x, at least float32.

    Value and error are NaN where a score was not finite, and the error where there is no value.
    """
    dtype = torch.promote_types(x.dtype, torch.float32)
    value = value.masked_fill((nonfinite > 0)[:, None], math.nan)
    standard_error = standard_error.masked_fill(value.isnan(), math.nan).to(dtype)
    value = value.to(dtype)
    if single:
        value, standard_error = value[:, 0], standard_error[:, 0]
    return Estimate(value, standard_error, num_evaluations, degrees_of_freedom, nonfinite, covers)
