"""A case: one Gaussian mixture and one point, every number a float64, the same on every machine.

Only operations that IEEE 754 rounds correctly are used (+, -, *, / and the square root, element by element): no
exp, no power, no sum whose order a library may choose. Random numbers come from splitmix64, seeded with the name of
the case, so that a case does not depend on its neighbours. A table stores the SHA-256 of the bytes, not the arrays.

Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (2014), for splitmix64.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "Case", "Stream", "checksum", "dyadic_weights", "from_spectrum", "reflections"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """One mixture and one point.

    Attributes:
        name: unique.
        family: which difficulty the case stands for.
        kind: "spherical", "diagonal", "full" or "low_rank".
        weights: (K,), used as given; they sum to one to within the rounding of a float64.
        means: (K, D).
        covariance: variances (K,) or (K, D), matrices (K, D, D) exactly symmetric, or the isotropic part (K,).
        factors: (K, D, R) of a low-rank covariance `isotropic_k I + F_k F_k'`, else None.
        point: (D,).
        direction: (D,), not normalised, for the directional curvature v'Hv.
        extras: names of further rows: "density", "eps".
    """

    name: str
    family: str
    kind: str
    weights: Array
    means: Array
    covariance: Array
    factors: Array | None
    point: Array
    direction: Array
    extras: tuple[str, ...] = ()

    @property
    def dimension(self) -> int:
        return int(self.means.shape[1])

    @property
    def num_components(self) -> int:
        return int(self.means.shape[0])


def checksum(case: Case) -> str:
    """SHA-256 of the kind, the shapes and the little-endian float64 bytes of every input, field by field."""
    digest = hashlib.sha256(case.kind.encode())
    for array in (case.weights, case.means, case.covariance, case.factors, case.point, case.direction):
        if array is not None:
            digest.update(repr(array.shape).encode())
            digest.update(np.ascontiguousarray(array).astype("<f8").tobytes())
    return digest.hexdigest()


class Stream:
    """Random float64 numbers from splitmix64, seeded with a text.

    >>> Stream("a").uniform() == Stream("a").uniform(), Stream("a").uniform() == Stream("b").uniform()
    (True, False)
    """

    def __init__(self, seed: str) -> None:
        self._state = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "little")

    def integer(self) -> int:
        """Uniform on 0 .. 2^64 - 1."""
        mask = (1 << 64) - 1
        self._state = (self._state + 0x9E3779B97F4A7C15) & mask
        z = self._state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        return z ^ (z >> 31)

    def uniform(self) -> float:
        """Uniform on [0, 1), a multiple of 2^-53."""
        return (self.integer() >> 11) * 2.0**-53

    def bell(self, *shape: int) -> Array:
        """Bell-shaped with mean 0 and variance 1: four uniforms added. (A normal deviate would need log and cos.)"""
        values = [
            (self.uniform() + self.uniform() + self.uniform() + self.uniform() - 2.0) * 1.7320508075688772
            for _ in range(math.prod(shape))
        ]
        return np.array(values, dtype=np.float64).reshape(shape)

    def between(self, low: float, high: float, *shape: int) -> Array:
        """Uniform between two numbers."""
        values = [low + (high - low) * self.uniform() for _ in range(math.prod(shape))]
        return np.array(values, dtype=np.float64).reshape(shape)


def dyadic_weights(stream: Stream, num_components: int) -> Array:
    """Weights (K,) that are multiples of 2^-30 and sum to one exactly; none below about 1/(8K)."""
    total = 1 << 30
    share = [1 + 7 * stream.uniform() for _ in range(num_components)]
    whole = math.fsum(share)  # not sum(): its rounding changed in Python 3.12
    counts = [int(total * each / whole) for each in share]
    counts[0] += total - sum(counts)
    return np.array(counts, dtype=np.float64) * 2.0**-30


def reflections(stream: Stream, dimension: int, count: int = 2) -> Array:
    """An orthogonal matrix (D, D), to rounding: a product of Householder reflections at random vectors."""
    matrix = np.eye(dimension)
    for _ in range(count):
        v = stream.bell(dimension)
        scale = 2.0 / math.fsum(float(each) * float(each) for each in v)
        # rows of Q (I - scale v v'), the products added one axis at a time: an order of our own
        product = np.zeros(dimension)
        for j in range(dimension):
            product = product + matrix[:, j] * v[j]
        matrix = matrix - scale * (product[:, None] * v[None, :])
    return matrix


def from_spectrum(vectors: Array, values: Array) -> Array:
    """The matrix `sum_j values_j v_j v_j'` (D, D) from eigenvectors in columns: symmetric to the bit."""
    dimension = len(values)
    matrix = np.zeros((dimension, dimension))
    for j in range(dimension):
        column = vectors[:, j]
        # column_i column_k is commutative to the bit; multiplying by values_j afterwards keeps that
        matrix = matrix + (column[:, None] * column[None, :]) * values[j]
    return matrix
