"""Certified truth that travels with the package: mixtures, points and balls whose p-Laplacians are known.

A selection of `reference/tables` (every family of difficulty, every kind of covariance, D <= 64) together with its
inputs, written by `python -m reference` into `certified.json`. Inputs are float64 numbers, exact in decimal; values are
decimal strings, made in ball arithmetic without plaplace and checked by a second route. A correct float64 function
keeps the relative error of every row within `PROMISE` times the condition number of the row.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from importlib import resources
from typing import Any

import torch
from torch import Tensor

from plaplace.mixture import GaussianMixture, LowRank

__all__ = ["PROMISE", "CertifiedBall", "CertifiedPoint", "CertifiedRow", "balls", "family_names", "points"]

PROMISE = 1e-12  # relative error of a float64 value, in units of its condition number (at least 1)


@dataclass(frozen=True)
class CertifiedRow:
    """One number of a case.

    Attributes:
        quantity: "p_laplacian" (`Delta_p u`), "p_laplacian_density" (`q^(1-p) Delta_p q`), "log_prob", "score_norm",
            "laplacian", "directional_curvature" (`v'Hv`), or "ball_mean".
        p: exponent, NaN where the quantity has none.
        eps: regularisation, 1/length; 0 is none.
        text: the value, a decimal string of 20 or 32 digits.
        condition: componentwise condition number: relative change of the value when every input is rounded, over the
            size of one rounding.
    """

    quantity: str
    p: float
    eps: float
    text: str
    condition: float

    @property
    def value(self) -> float:
        """The nearest float64."""
        return float(self.text)

    def excess(self, received: float) -> float:
        """Relative error of `received` over what is promised: at most 1 is right. inf for what is not finite, and for
        anything but 0 where the value is 0 by theorem."""
        expected = Fraction(self.text)
        if not math.isfinite(received):
            return math.inf
        if expected == 0:
            return 0.0 if received == 0 else math.inf
        error = abs(Fraction(received) - expected) / abs(expected)
        return float(error / (Fraction(PROMISE) * max(Fraction(1), Fraction(self.condition))))


@dataclass(frozen=True, eq=False)
class CertifiedPoint:
    """A mixture and a point with certified values.

    Attributes:
        name, family: of the case in `reference/tables`.
        kind: "spherical", "diagonal", "full" or "low_rank".
        weights: (K,) float64.
        means: (K, D), length.
        covariances: (K,), (K, D), (K, D, D) or `LowRank`, length^2: what `GaussianMixture` takes.
        point: (D,).
        direction: (D,), not normalised, for the rows "directional_curvature".
        rows: what is certified there.
    """

    name: str
    family: str
    kind: str
    weights: Tensor
    means: Tensor
    covariances: Tensor | LowRank
    point: Tensor
    direction: Tensor
    rows: tuple[CertifiedRow, ...]

    @property
    def dimension(self) -> int:
        """D."""
        return self.means.shape[1]

    def mixture(self) -> GaussianMixture:
        """The mixture, in float64."""
        return GaussianMixture(self.weights, self.means, self.covariances)

    def select(self, quantity: str, eps: float = 0.0) -> tuple[CertifiedRow, ...]:
        """The rows of one quantity and regularisation, in the order of the table: by p."""
        return tuple(row for row in self.rows if row.quantity == quantity and row.eps == eps)


@dataclass(frozen=True, eq=False)
class CertifiedBall:
    """A mixture and a ball with certified means of `Delta_p log q` over the ball, the factor D/R included.

    Attributes:
        name: of the ball in `reference/tables/ball_means.csv`.
        rule: "circle" (D = 2), "sphere" (D = 3) or "radial" (one isotropic Gaussian).
        kind, weights, means, covariances: as in `CertifiedPoint`.
        centre: (D,).
        radius: length.
        rows: of quantity "ball_mean", by p, in 1/length^p.
    """

    name: str
    rule: str
    kind: str
    weights: Tensor
    means: Tensor
    covariances: Tensor | LowRank
    centre: Tensor
    radius: float
    rows: tuple[CertifiedRow, ...]

    @property
    def dimension(self) -> int:
        """D."""
        return self.means.shape[1]

    def mixture(self) -> GaussianMixture:
        """The mixture, in float64."""
        return GaussianMixture(self.weights, self.means, self.covariances)


@cache
def _file() -> dict[str, Any]:
    text = (resources.files("plaplace.verify") / "certified.json").read_text(encoding="utf-8")
    content: dict[str, Any] = json.loads(text)
    return content


def _tensor(values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def _covariances(case: dict[str, Any]) -> Tensor | LowRank:
    covariance = _tensor(case["covariance"])
    return covariance if case["factors"] is None else LowRank(covariance, _tensor(case["factors"]))


def _rows(case: dict[str, Any]) -> tuple[CertifiedRow, ...]:
    return tuple(
        CertifiedRow(quantity, float(p or "nan"), float(eps), value, float(condition))
        for quantity, p, eps, value, condition in case["rows"]
    )


def family_names() -> list[str]:
    """The families of difficulty, in the order of the tables; "ordinary" is the first."""
    return list(dict.fromkeys(case["family"] for case in _file()["points"]))


def points(families: Collection[str] | None = None) -> list[CertifiedPoint]:
    """The certified points of some families, or of all.

    Raises:
        ValueError: a family that is not in `family_names()`.
    """
    unknown = [name for name in families or () if name not in family_names()]
    if unknown:
        raise ValueError(f"families {unknown} were given; accepted are {family_names()}")
    return [
        CertifiedPoint(
            case["case"],
            case["family"],
            case["kind"],
            _tensor(case["weights"]),
            _tensor(case["means"]),
            _covariances(case),
            _tensor(case["point"]),
            _tensor(case["direction"]),
            _rows(case),
        )
        for case in _file()["points"]
        if families is None or case["family"] in families
    ]


def balls() -> list[CertifiedBall]:
    """The certified balls."""
    return [
        CertifiedBall(
            case["case"],
            case["rule"],
            case["kind"],
            _tensor(case["weights"]),
            _tensor(case["means"]),
            _covariances(case),
            _tensor(case["point"]),
            float(case["radius"]),
            _rows(case),
        )
        for case in _file()["balls"]
    ]
