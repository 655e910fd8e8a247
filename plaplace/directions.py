"""Directions on the unit sphere, and the mean and standard error of what is sampled along them.

Every kind draws n uniform on the sphere `S^(D-1)`, so each direction alone is unbiased; kinds differ in how
directions depend on one another:

    iid          independent
    antithetic   independent pairs (n, -n): the odd part of what is sampled cancels
    frame        pairs (n, -n) along the axes of random orthonormal frames: at most D pairs a frame, frames independent
    orthonormal  one-sided: at most D orthonormal directions a block, blocks independent
    sobol        low-discrepancy: independent scrambled Sobol sets through the normal quantile; on the circle, randomly
                 rotated equispaced sets

What is independent is called a block: a direction, a pair, a frame, a set. The mean over all samples has a standard
error from the spread of the block means; that needs two blocks. One single frame of m of D axes is judged by the
finite population it samples: for a linear field J the values `n_i'Jn_i` are exchangeable and sum to `tr J` over the
whole frame, so

    Var(mean) = (S^2 / m) (1 - m/D),      S^2 the sample variance,

exact for a linear field, 0 for a whole frame, and blind to what curvature of the field adds.

Sources: Haar frames by QR: Mezzadri, "How to generate random matrices from the classical compact groups" (2007),
arXiv math-ph/0609050. Finite population: Cochran, "Sampling techniques" (1977), section 2.6. Scrambled nets: Owen,
"Randomly permuted (t,m,s)-nets and (t,s)-sequences" (1995).
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.quasirandom import SobolEngine

__all__ = ["KINDS", "PAIRED", "Directions", "Summary", "draw", "haar_frames", "normalised", "split_evenly", "summarise"]

SOBOL_SETS = 8  # independent sets: 7 degrees of freedom for the standard error

Source = torch.Generator | Sequence[int] | None  # of random numbers


@dataclass(frozen=True)
class Directions:
    """Unit vectors with the structure that their standard error needs.

    Attributes:
        vectors: (m, D) float64 rows of length 1; of a paired kind, rows 2i and 2i+1 are n and -n. (S, m, D) where S
            draws of the same structure were made at once.
        paired: whether a sample is a pair of rows.
        sizes: samples in each independent block, in the order of the rows; they sum to m, or to m/2 when paired.
        population: D where the samples of one block are axes of one orthonormal frame, else None.
        noun: what one block is called.
    """

    vectors: Tensor
    paired: bool
    sizes: tuple[int, ...]
    population: int | None
    noun: str

    def summarise(self, values: Tensor) -> Summary:
        """Mean over directions of values (B, m, ...), with its standard error: `summarise` after averaging pairs."""
        return summarise(self._samples(values), self.sizes, self.population, self.noun)

    def block_means(self, values: Tensor) -> Tensor:
        """Means (B, J, ...) over the J independent blocks of values (B, m, ...)."""
        return _block_means(self._samples(values), self.sizes)

    def _samples(self, values: Tensor) -> Tensor:
        return (values[:, 0::2] + values[:, 1::2]) / 2 if self.paired else values


class Summary(NamedTuple):
    """Mean and standard error, shaped (B, ...), their degrees of freedom, and in words what the error covers."""

    mean: Tensor
    standard_error: Tensor
    degrees_of_freedom: float
    covers: str


def draw(
    kind: str, num_directions: int, dimension: int, generator: Source = None, most: int | None = None
) -> Directions:
    """Draw directions of one kind, in float64 on the device of the generator.

    Args:
        kind: a name in `KINDS`.
        num_directions: m >= 1; even for the paired kinds, "antithetic" and "frame".
        dimension: D >= 1.
        generator: source of all randomness; None means torch's default CPU generator. S seeds make S draws at once,
            vectors (S, m, D), each as by a generator of that seed (of which torch's takes the lower 32 bits).
        most: most samples (directions, or pairs of a paired kind) in one frame or low-discrepancy set. None means D
            for a frame, and what makes about 8 sets. Blocks are as few as that allows, of sizes differing by at most 1.

    Raises:
        ValueError: unknown kind, m < 1, m odd for a paired kind, D < 1, most < 1, or D > 21201 for "sobol".

    A whole +- frame averages a quadratic form exactly: the mean of `n'An` is `tr A / D`.

    >>> n = draw("frame", 6, 3, torch.Generator().manual_seed(0)).vectors
    >>> a = torch.tensor([[1.0, 5.0, 0.0], [0.0, 2.0, 7.0], [0.0, 0.0, 6.0]], dtype=torch.float64)
    >>> round(((n @ a) * n).sum(1).mean().item(), 12)
    3.0
    """
    if kind not in KINDS:
        raise ValueError(f"directions = {kind!r} was given; accepted are {', '.join(map(repr, KINDS))}")
    m, dimension = operator.index(num_directions), operator.index(dimension)
    if m < 1:
        raise ValueError(f"num_directions = {m} was given; at least 1 direction is needed")
    if dimension < 1:
        raise ValueError(f"dimension = {dimension} was given; the sphere needs a dimension of at least 1")
    if most is not None and most < 1:
        raise ValueError(f"most = {most} was given; a block holds at least 1 sample")
    return KINDS[kind](m, dimension, generator, most)


def _iid(m: int, dimension: int, source: Source, most: int | None) -> Directions:
    return Directions(normalised(_normal((m, dimension), source)), False, (1,) * m, None, "directions")


def _antithetic(m: int, dimension: int, source: Source, most: int | None) -> Directions:
    pairs = _half(m, "antithetic")
    half = normalised(_normal((pairs, dimension), source))
    return Directions(_mirror(half), True, (1,) * pairs, None, "pairs")


def _frame(m: int, dimension: int, source: Source, most: int | None) -> Directions:
    sizes = split_evenly(_half(m, "frame"), min(dimension, most or dimension))
    return Directions(_mirror(haar_frames(sizes, dimension, source)), True, sizes, dimension, "frames")


def _orthonormal(m: int, dimension: int, source: Source, most: int | None) -> Directions:
    sizes = split_evenly(m, min(dimension, most or dimension))
    return Directions(haar_frames(sizes, dimension, source), False, sizes, dimension, "frames")


def _sobol(m: int, dimension: int, source: Source, most: int | None) -> Directions:
    if dimension > SobolEngine.MAXDIM:
        raise ValueError(f"D = {dimension} was given with directions = 'sobol'; it reaches D = {SobolEngine.MAXDIM}")
    # two sets at least, for their spread; beyond that two points a set at least, or it were iid
    number = min(SOBOL_SETS, max(2, m // 2), m)
    sizes = split_evenly(m, most or math.ceil(m / number))

    def sets(generator: torch.Generator | None) -> Tensor:
        return torch.cat([(_circle if dimension == 2 else _scrambled)(size, dimension, generator) for size in sizes])

    return Directions(_each(sets, (m, dimension), source), False, sizes, None, "low-discrepancy sets")


KINDS: dict[str, Callable[[int, int, Source, int | None], Directions]] = {
    "iid": _iid,
    "antithetic": _antithetic,
    "frame": _frame,
    "orthonormal": _orthonormal,
    "sobol": _sobol,
}

PAIRED = frozenset({"antithetic", "frame"})


def _circle(m: int, dimension: int, generator: torch.Generator | None) -> Tensor:
    offset = torch.rand((), generator=generator, dtype=torch.float64, device=_device(generator))
    angles = 2 * math.pi * (offset + torch.arange(m, dtype=torch.float64, device=offset.device) / m)
    return torch.stack([angles.cos(), angles.sin()], -1)


def _scrambled(m: int, dimension: int, generator: torch.Generator | None) -> Tensor:
    seed = int(torch.randint(2**31 - 1, (), generator=generator, device=_device(generator)))
    uniform = SobolEngine(dimension, scramble=True, seed=seed).draw(m, dtype=torch.float64)
    # the engine's numbers are multiples of 2^-30: half a step up keeps the quantile finite and centres the cell
    normal = torch.special.ndtri(uniform + 2.0**-31)
    return normalised(normal).to(_device(generator))


def haar_frames(sizes: Sequence[int], dimension: int, source: Source) -> Tensor:
    """Rows of independent Haar-distributed frames, block by block: `sizes[j] <= D` orthonormal rows each.

    QR of a Gaussian matrix, columns signed so that R has a positive diagonal (otherwise Q is not Haar); the first
    columns of a Haar frame are a smaller Haar frame.
    """
    most, number = max(sizes), len(sizes)
    q, r = torch.linalg.qr(_normal((number, most, dimension), source).mT)
    rows: Tensor = (q * torch.where(r.diagonal(dim1=-2, dim2=-1) < 0, -1.0, 1.0)[..., None, :]).mT
    if min(sizes) == most:
        return rows.flatten(-3, -2)
    return torch.cat([rows[..., j, :size, :] for j, size in enumerate(sizes)], -2)


def split_evenly(total: int, most: int) -> tuple[int, ...]:
    """`total` in as few parts of at most `most` as it takes, their sizes differing by at most 1.

    >>> split_evenly(64, 27), split_evenly(5, 8)
    ((22, 21, 21), (5,))
    """
    number = math.ceil(total / most)
    small, rest = divmod(total, number)
    return (small + 1,) * rest + (small,) * (number - rest)


def normalised(vectors: Tensor) -> Tensor:
    """Rows over their lengths: Gaussian rows become uniform on the sphere."""
    rows: Tensor = vectors / torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)
    return rows


def summarise(values: Tensor, sizes: Sequence[int], population: int | None = None, noun: str = "blocks") -> Summary:
    """Mean over axis 1 and its standard error, from the independent blocks that axis is made of.

    With block means `g_j` and weights `w_j = size_j / total`, J >= 2 blocks:

        mean = sum w_j g_j,      Var = J/(J-1) sum w_j^2 (g_j - mean)^2,      J - 1 degrees of freedom

    (the usual `s^2/J` for equal sizes). One block of m axes of a frame of D = `population`: `(S^2/m)(1 - m/D)`, m - 1
    degrees of freedom, and for m = D error 0 with infinitely many. A single sample has the standard error inf and 0
    degrees of freedom: nothing is known of its spread. NaN values give a NaN error.

    Args:
        values: (B, total, ...).
        sizes: samples in each block, along axis 1; they sum to `total`.

    >>> two = torch.tensor([[1.0, 3.0]], dtype=torch.float64)
    >>> [round(float(each), 12) for each in summarise(two, (1, 1))[:3]]
    [2.0, 1.0, 1.0]
    >>> [float(each) for each in summarise(two, (2,), population=2)[:3]]
    [2.0, 0.0, inf]
    """
    if len(sizes) > 1:
        means = _block_means(values, sizes)
        weight = torch.tensor(sizes, dtype=values.dtype, device=values.device) / sum(sizes)
        weight = weight.reshape(-1, *(1,) * (values.ndim - 2))
        mean = (weight * means).sum(1)
        number = len(sizes)
        error = math.sqrt(number / (number - 1)) * _root_sum_square(weight * (means - mean[:, None]))
        return Summary(mean, error, number - 1, f"all sampling error, by the spread of {number} {noun}")
    mean, m = values.mean(1), sizes[0]
    if population is not None and m >= population:
        caveat = f"what a linear score makes, none on a whole frame of D = {m} axes; not what curvature adds"
        return Summary(mean, mean * 0, math.inf, caveat)
    if population is None or m == 1:
        return Summary(mean, mean * 0 + math.inf, 0, "nothing: a single independent sample shows no spread")
    error = math.sqrt((1 - m / population) / m / (m - 1)) * _root_sum_square(values - mean[:, None])
    caveat = f"what a linear score makes on {m} axes of one frame of D = {population}; not what curvature adds"
    return Summary(mean, error, m - 1, caveat)


def _root_sum_square(values: Tensor) -> Tensor:
    """Over axis 1, scaled by the largest entry: scores of 1e-170 or 1e170 have a spread like any other."""
    largest = values.abs().amax(1, keepdim=True)
    largest = torch.where(largest == 0, torch.ones_like(largest), largest)
    return (values / largest).square().sum(1).sqrt() * largest.squeeze(1)


def _block_means(values: Tensor, sizes: Sequence[int]) -> Tensor:
    if max(sizes) == 1:
        return values
    parts, start = [], 0
    for size, group in itertools.groupby(sizes):  # runs of equal sizes, one reshape each
        number = len(list(group))
        part = values[:, start : start + number * size]
        parts.append(part.reshape(len(values), number, size, *values.shape[2:]).mean(2))
        start += number * size
    return torch.cat(parts, 1)


def _device(generator: torch.Generator | None) -> torch.device:
    return torch.device("cpu") if generator is None else generator.device


def _normal(shape: tuple[int, ...], source: Source) -> Tensor:
    def normal(generator: torch.Generator | None) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64, device=_device(generator))

    return _each(normal, shape, source)


def _each(function: Callable[[torch.Generator | None], Tensor], shape: tuple[int, ...], source: Source) -> Tensor:
    """What a function makes of a generator, or (S, *shape) of the generators of S seeds, one after the other."""
    if source is None or isinstance(source, torch.Generator):
        return function(source)
    rows, generator = torch.empty(len(source), *shape, dtype=torch.float64), torch.Generator()
    for row, seed in zip(rows, source, strict=True):
        row.copy_(function(generator.manual_seed(seed)))
    return rows


def _half(m: int, kind: str) -> int:
    if m % 2:
        raise ValueError(f"num_directions = {m} was given; directions = {kind!r} come in pairs and take an even number")
    return m // 2


def _mirror(half: Tensor) -> Tensor:
    return torch.stack([half, -half], -2).flatten(-3, -2)
