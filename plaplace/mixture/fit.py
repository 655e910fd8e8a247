"""Fitting a mixture to data: scikit-learn's expectation maximisation, its parameters handed over."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["fit"]

_KINDS = {"full": "full", "diagonal": "diag", "spherical": "spherical"}


def fit(
    x: np.ndarray, num_components: int, covariance: str, seed: int, regularization: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights (K,), means (K, D) and covariances of the fitted kind; see `GaussianMixture.fit`."""
    if covariance not in _KINDS:
        raise ValueError(f"covariance = {covariance!r} was given; accepted are {sorted(_KINDS)}")
    if x.ndim != 2 or not 1 <= num_components <= len(x):
        raise ValueError(
            f"x of shape {x.shape} and num_components = {num_components} were given; "
            "x is (N, D) and 1 <= num_components <= N"
        )
    try:
        from sklearn.mixture import GaussianMixture
    except ImportError as error:
        raise ImportError("fitting needs scikit-learn: pip install 'plaplace[digits]'") from error
    model: Any = GaussianMixture(
        num_components, covariance_type=_KINDS[covariance], random_state=seed, reg_covar=regularization
    ).fit(x.astype(np.float64))
    weights = model.weights_ / model.weights_.sum()
    covariances = model.covariances_
    if covariance == "full":
        covariances = (covariances + covariances.swapaxes(1, 2)) / 2
    return weights, model.means_, covariances
