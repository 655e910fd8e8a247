"""Gaussian mixtures that know their own p-Laplacians."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from plaplace import noise, operators
from plaplace.mixture import ball_mean as _ball_mean
from plaplace.mixture import components
from plaplace.mixture import covariances as structures
from plaplace.mixture.components import Block, Curvatures
from plaplace.mixture.evaluator import Evaluator
from plaplace.mixture.fast import Evaluation, Wants
from plaplace.operators import Exponent, Of

__all__ = ["Curvatures", "GaussianMixture"]

_POINTS_AT_A_TIME = 2**16


class GaussianMixture:
    """`q(x) = sum_k w_k N(x; mu_k, Sigma_k)` with exact score, Hessian and p-Laplacians at every noise level.

    Points are rows: x has shape (B, D). Results have the type of x (numpy array or tensor, float32 or float64); the
    arithmetic runs in the data type of the mixture, which is that of its means, on its device. Every value is exact
    to rounding: in float64 the relative error is at most 1e-12 times the componentwise condition number. Everything
    but `sample` and `fit` can be differentiated by torch.

    Args:
        weights: (K,), >= 0, summing to 1 within 1e-6 (float32 rounding). Used as they are, not renormalised.
        means: (K, D), length.
        covariances: variances (K,) or (K, D), matrices (K, D, D), or `LowRank`; length^2.

    Raises:
        ValueError: shapes that do not fit, entries that are not finite, negative weights or weights that do not sum to
            one, covariances that are not symmetric positive definite.

    Source: the algebra is elementary; for the centred Hessian see the law of total covariance applied to the component
    scores.

    >>> q = GaussianMixture(torch.tensor([0.5, 0.5]), torch.tensor([[-1.0, 0.0], [1.0, 0.0]]), torch.ones(2))
    >>> q.laplacian(torch.zeros(1, 2))         # 1 - 2: between components, minus within
    tensor([-1.])
    """

    def __init__(self, weights: Any, means: Any, covariances: Any) -> None:
        means = _as_floats(means, "means")
        weights = _as_floats(weights, "weights")
        if means.ndim != 2 or 0 in means.shape:
            raise ValueError(f"means of shape {tuple(means.shape)} were given; accepted is (K, D), K and D at least 1")
        if weights.shape != means.shape[:1]:
            raise ValueError(f"weights of shape {tuple(weights.shape)} beside {len(means)} means; accepted is (K,)")
        if not bool(means.isfinite().all()):
            raise ValueError(f"means has a NaN or infinite entry at {(~means.isfinite()).nonzero()[0].tolist()}")
        _check_weights(weights)
        if not isinstance(covariances, structures.LowRank):
            covariances = _as_floats(covariances, "covariances").to(means.device)
        structure = structures.parse(covariances, *means.shape)
        self._set(weights, means, structure, means.dtype, means.device)

    def _set(
        self,
        weights: Tensor,
        means: Tensor,
        structure: structures.Covariances,
        dtype: torch.dtype,
        device: torch.device | str,
    ) -> None:
        # the inputs stay in float64: noised mixtures and casts start from them, not from rounded ones
        self._weights64 = weights.to(device, torch.float64)
        self._means64 = means.to(device, torch.float64)
        self._structure = structure.to(dtype, device)
        self.weights, self.means = self._weights64.to(dtype), self._means64.to(dtype)
        self._evaluator = Evaluator(self._weights64.log(), self._means64, self._structure)

    @classmethod
    def _from_parts(
        cls, weights: Tensor, means: Tensor, structure: structures.Covariances, dtype: torch.dtype
    ) -> GaussianMixture:
        mixture = cls.__new__(cls)
        mixture._set(weights, means, structure, dtype, means.device)
        return mixture

    # -- what it is ------------------------------------------------------------------------------------------------

    @property
    def num_components(self) -> int:
        """K."""
        return self.means.shape[0]

    @property
    def dimension(self) -> int:
        """D."""
        return self.means.shape[1]

    @property
    def covariance_kind(self) -> str:
        """'spherical', 'diagonal', 'full' or 'low_rank'."""
        return self._structure.kind

    @property
    def dtype(self) -> torch.dtype:
        """Data type of the arithmetic."""
        return self.means.dtype

    @property
    def device(self) -> torch.device:
        return self.means.device

    def to(self, dtype: torch.dtype | None = None, device: torch.device | str | None = None) -> GaussianMixture:
        """The same mixture in another data type (from its float64 parameters) or on another device."""
        mixture = GaussianMixture.__new__(GaussianMixture)
        mixture._set(self._weights64, self._means64, self._structure, dtype or self.dtype, device or self.device)
        return mixture

    def __repr__(self) -> str:
        return (
            f"GaussianMixture(K={self.num_components}, D={self.dimension}, {self.covariance_kind}, "
            f"{str(self.dtype).removeprefix('torch.')})"
        )

    # -- values ----------------------------------------------------------------------------------------------------

    def log_prob(self, x: Any) -> Any:
        """`log q(x)`, shape (B,)."""
        return self._evaluated("log_prob", lambda e: e.log_prob, x)

    def score(self, x: Any) -> Any:
        """`s = grad log q`, shape (B, D), 1/length."""
        return self._evaluated("score", lambda e: e.score, x)

    def responsibilities(self, x: Any) -> Any:
        """Posterior probabilities of the components, shape (B, K)."""
        return self._map(lambda b, _: b.responsibilities.mT, x)

    def hessian(self, x: Any) -> Any:
        """`H = Hess log q`, shape (B, D, D), 1/length^2. The other methods never form it."""

        def one(b: Block, _: Tensor) -> Tensor:
            centred = b.component_scores - b.score
            between = torch.einsum("kn,kni,knj->nij", b.responsibilities, centred, centred)
            return between - self._structure.mean_precision(b.responsibilities)

        return self._map(one, x, elements=self.num_components * self.dimension + self.dimension**2)

    def laplacian(self, x: Any) -> Any:
        """`tr H`, shape (B,), 1/length^2."""
        return self._evaluated("laplacian", lambda e: e.tangential, x)

    def directional_curvature(self, x: Any, v: Any) -> Any:
        """`v'Hv`, shape (B,), for directions v of shape (B, D) and any length.

        Raises:
            ValueError: v is not shaped like x.
        """
        points = self._points(x)
        directions = torch.as_tensor(v).to(points)
        if directions.shape != points.shape:
            raise ValueError(
                f"v of shape {tuple(directions.shape)} beside x of shape {tuple(points.shape)}; alike is needed"
            )

        def one(b: Block, rows: Tensor) -> Tensor:
            return components.directional_curvature(b, self._structure, rows[:, self.dimension :])

        return self._like(self._chunks(one, torch.cat([points, directions], 1)), x)

    def curvatures(self, x: Any) -> Curvatures:
        """log q, s, |s|, n'Hn and tr H - n'Hn in one pass, each shaped (B,) but for s (B, D): see `Curvatures`."""
        e = self._evaluator.evaluate(self._points(x), "curvatures")
        columns: Any = (e.log_prob, e.score, e.norm, e.normal, e.tangential)
        return Curvatures(*(self._like(each, x) for each in columns))

    def p_laplacian(self, x: Any, p: Exponent, eps: float = 0.0, of: Of = "log_density") -> Any:
        """Exact p-Laplacian `Delta_p u = div(|s|^(p-2) s)` of `u = log q`, or of the density.

        Args:
            x: points, (B, D).
            p: real p >= 1 or inf (the normalised infinity-Laplacian `n'Hn`), or a sequence of P of them.
            eps: regularisation, see `operators.p_laplacian`.
            of: "log_density", or "density" for `q^(1-p) Delta_p q = Delta_p u + (p-1)|s|^p`.

        Returns:
            (B,), or (B, P) when p is a sequence; 1/length^p (1/length^2 for p = inf). At a critical point (s = 0 to
            the last digit) with eps = 0: 0 for p > 2, tr H for p = 2, NaN for p < 2 and p = inf.

        Raises:
            ValueError: p < 1, eps < 0, an unknown `of`, or x of another shape.

        >>> q = GaussianMixture(torch.ones(1), torch.zeros(1, 3), torch.tensor([0.25]))
        >>> q.p_laplacian(torch.tensor([[2.0, 0.0, 0.0]]), p=[1.0, 2.0, 3.0])     # -(D+p-2) r^(p-2) / w^(2p-2)
        tensor([[  -1.,  -12., -128.]])
        """
        operators.exponents(p)

        def one(e: Evaluation) -> Tensor:
            assert e.norm is not None and e.normal is not None and e.tangential is not None
            return operators.p_laplacian(e.norm, e.normal, e.tangential, p, eps, of)

        return self._evaluated("p_laplacian", one, x)

    def ball_mean(self, x: Any, p: Exponent, radius: float, return_error: bool = False) -> Any:
        """Mean of `Delta_p log q` over the ball B(x, R), by a quadrature rule on its sphere.

            (1/|B|) int_B Delta_p u = (D/R) E_n [ |s(x+Rn)|^(p-2) s(x+Rn).n ],   n uniform on the unit sphere.

        Rules: D = 1, the two end points; D = 2, the trapezoid rule on the circle, refined until it stands; D = 3,
        Lebedev's rules; any D for one isotropic Gaussian, a one-dimensional integral.

        Returns:
            Shaped like `p_laplacian`; with return_error, a pair with the rule's error estimate (difference of two rules
            plus rounding). A RuntimeWarning where the estimate is above 1e-6 of the value and nobody asked for it.

        Raises:
            ValueError: radius <= 0, p = inf (not a flux), or a mixture with no exact rule: names those that have one.
        """
        points = self._points(x)
        value, error = _ball_mean.ball_mean(self, points, p, radius, warn=not return_error)
        if return_error:
            return self._like(value, x), self._like(error, x)
        return self._like(value, x)

    # -- noise -----------------------------------------------------------------------------------------------------

    def noised(self, alpha: float, sigma: float) -> GaussianMixture:
        """The mixture of `alpha x + sigma eps`: means `alpha mu_k`, covariances `alpha^2 Sigma_k + sigma^2 I`."""
        noise.check_level(alpha, sigma)
        return GaussianMixture._from_parts(
            self._weights64, alpha * self._means64, self._structure.noised(alpha, sigma), self.dtype
        )

    def denoise(self, x: Any, alpha: float, sigma: float) -> Any:
        """Posterior mean `E[x_0 | alpha x_0 + sigma eps = x]`, shape (B, D), length.

        Equal to Tweedie's `(x + sigma^2 s)/alpha`, but summed over the components' own posterior means, which does not
        cancel where sigma is large.
        """
        noised = self.noised(alpha, sigma)

        def one(b: Block, _: Tensor) -> Tensor:
            return (b.responsibilities[..., None] * self._posterior_means(b, alpha)).sum(0)

        return noised._map(one, x)

    def posterior_covariance(self, x: Any, v: Any, alpha: float, sigma: float) -> Any:
        """Action `C v` of the posterior covariance `C = Cov[x_0 | alpha x_0 + sigma eps = x]`, shape (B, D), length^2.

        Equal to `(sigma/alpha)^2 (v + sigma^2 H v)`; summed over the components without that cancellation:
        `C v = sum r_k sigma^2 Sigma_k P_k v + sum r_k (m_k - m)(m_k - m)'v`, P_k the precision of the noised component.
        """
        noised = self.noised(alpha, sigma)
        points = noised._points(x)
        directions = torch.as_tensor(v).to(points)
        if directions.shape != points.shape:
            raise ValueError(
                f"v of shape {tuple(directions.shape)} beside x of shape {tuple(points.shape)}; alike is needed"
            )

        def one(b: Block, rows: Tensor) -> Tensor:
            u = rows[:, self.dimension :]
            r = b.responsibilities[..., None]
            solved, _ = noised._structure.solve(u.expand(self.num_components, -1, -1))
            within = sigma**2 * (r * self._structure.multiply(solved)).sum(0)
            posterior = self._posterior_means(b, alpha)
            centred = posterior - (r * posterior).sum(0)
            return within + (r * centred * (centred * u).sum(-1, keepdim=True)).sum(0)

        return noised._like(noised._chunks(one, torch.cat([points, directions], 1)), x)

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """n independent points, (n, D), in the mixture's data type; drawn in float64 on the generator's device."""
        device = generator.device if generator is not None else torch.device("cpu")
        weights = self._weights64.to(device)
        component = torch.multinomial(weights, n, replacement=True, generator=generator).to(self.device)
        z = torch.randn(n, self.dimension, dtype=torch.float64, device=device, generator=generator).to(self.device)
        return (self._means64[component] + self._structure.color(z, component)).to(self.dtype)

    # -- making them -----------------------------------------------------------------------------------------------

    @classmethod
    def fit(
        cls, x: Any, num_components: int, covariance: str = "full", seed: int = 0, regularization: float = 1e-6
    ) -> GaussianMixture:
        """Maximum likelihood by expectation maximisation (scikit-learn's `GaussianMixture`), in float64.

        Args:
            x: (N, D).
            covariance: "full", "diagonal" or "spherical".
            regularization: added to the variances, length^2.

        Raises:
            ImportError: scikit-learn is missing; says what to install.
        """
        from plaplace.mixture.fit import fit

        return cls(*fit(np.asarray(x), num_components, covariance, seed, regularization))

    @classmethod
    def kernel_density(cls, x: Any, bandwidth: float) -> GaussianMixture:
        """Kernel density estimate: one spherical component of standard deviation `bandwidth` (length) on each row of x.

        Raises:
            ValueError: bandwidth <= 0 or x not of shape (N, D).
        """
        if not (bandwidth > 0 and math.isfinite(bandwidth)):
            raise ValueError(f"bandwidth = {bandwidth} was given; a kernel's standard deviation is finite and > 0")
        rows = _as_floats(x, "x")
        if rows.ndim != 2 or len(rows) == 0:
            raise ValueError(f"x of shape {tuple(rows.shape)} was given; accepted is (N, D) with N >= 1")
        weights = torch.full((len(rows),), 1 / len(rows), dtype=torch.float64, device=rows.device)
        return cls(weights, rows, torch.full_like(weights, bandwidth**2))

    @classmethod
    def mix(cls, parts: Iterable[tuple[float, GaussianMixture]]) -> GaussianMixture:
        """A mixture of mixtures, `sum_i w_i q_i`, from pairs (w_i, q_i).

        Covariances take the least general kind that holds all. Data type and device are those of the first part.

        >>> one = GaussianMixture(torch.ones(1), torch.zeros(1, 2), torch.ones(1))
        >>> GaussianMixture.mix([(0.9, one), (0.1, one)])
        GaussianMixture(K=2, D=2, spherical, float32)
        """
        pairs: Sequence[tuple[float, GaussianMixture]] = list(parts)
        if not pairs:
            raise ValueError("mix got no parts; give at least one pair (weight, mixture)")
        dimensions = sorted({q.dimension for _, q in pairs})
        if len(dimensions) > 1:
            raise ValueError(f"mix got mixtures of dimensions {dimensions}; all must have the same")
        _check_weights(torch.tensor([float(w) for w, _ in pairs], dtype=torch.float64))
        first = pairs[0][1]
        return cls._from_parts(
            torch.cat([w * q._weights64.to(first.device) for w, q in pairs]),
            torch.cat([q._means64.to(first.device) for _, q in pairs]),
            structures.merge([q._structure.to(torch.float64, first.device) for _, q in pairs]),
            first.dtype,
        )

    # -- inside ----------------------------------------------------------------------------------------------------

    def _posterior_means(self, b: Block, alpha: float) -> Tensor:
        """`m_k = mu_k + alpha Sigma_k P_k (x - alpha mu_k)`, (K, N, D), b a block of the noised mixture."""
        return self.means[:, None, :] - alpha * self._structure.multiply(b.component_scores)

    def _evaluated(self, wants: Wants, function: Callable[[Evaluation], Tensor | None], x: Any) -> Any:
        """What a function makes of evaluations: of some points at a time, so that nothing but it grows with them."""
        parts: Any = [
            function(self._evaluator.evaluate(part, wants)) for part in self._points(x).split(_POINTS_AT_A_TIME)
        ]
        return self._like(parts[0] if len(parts) == 1 else torch.cat(parts), x)

    def _map(self, function: Callable[[Block, Tensor], Tensor], x: Any, elements: int | None = None) -> Any:
        return self._like(self._chunks(function, self._points(x), elements), x)

    def _chunks(self, function: Callable[[Block, Tensor], Tensor], rows: Tensor, elements: int | None = None) -> Tensor:
        """The function of (block, rows) on blocks of rows, whose first D columns are the points."""
        blocks = self._evaluator.careful_blocks(rows, elements or self.num_components * self.dimension)
        return torch.cat([function(self._evaluator.block(part[:, : self.dimension]), part) for part in blocks])

    def _points(self, x: Any) -> Tensor:
        points = _as_floats(x, "x")
        if points.ndim != 2 or points.shape[1] != self.dimension:
            raise ValueError(
                f"x of shape {tuple(points.shape)} was given; accepted is (B, D) with D = {self.dimension}"
            )
        return points.to(self.device, self.dtype)

    def _like(self, result: Tensor, x: Any) -> Any:
        if isinstance(x, Tensor):
            return result.to(x.dtype)
        array = result.detach().cpu().numpy()
        return array.astype(x.dtype) if isinstance(x, np.ndarray) else array


def _as_floats(values: Any, name: str) -> Tensor:
    tensor = values if isinstance(values, Tensor) else torch.as_tensor(np.asarray(values))
    if tensor.dtype not in (torch.float32, torch.float64):
        raise TypeError(f"{name} has data type {tensor.dtype}; accepted are float32 and float64")
    return tensor


def _check_weights(weights: Tensor) -> None:
    if not bool(weights.isfinite().all()) or bool((weights < 0).any()):
        k = int((~weights.isfinite() | (weights < 0)).nonzero()[0])
        raise ValueError(f"weight {k} is {float(weights[k])}; weights are finite and >= 0")
    total = float(weights.detach().double().sum())
    if abs(total - 1) > 1e-6:  # what weights rounded to float32 miss
        raise ValueError(f"the weights sum to {total:.12g}; they must sum to 1")
