"""`plaplace verify` of exact functions: what is right passes, and every slip is named for what it is."""

import math

import numpy as np
import pytest
import torch

from plaplace import GaussianMixture, LowRank
from plaplace.verify.exact import examine


def broken(change):
    """An exact function that computes `change(norm, trace, normal, p, D, log q)` of the right parts."""

    def function(weights, means, covariances, x, p):
        q = GaussianMixture(weights, means, covariances)
        c = q.curvatures(x)
        one = isinstance(p, float)
        ps = [p] if one else p
        if min(ps) < 1:
            raise ValueError(f"p = {min(ps)}")
        values = [change(c.norm, c.tangential + c.normal, c.normal, each, q.dimension, c.log_prob) for each in ps]
        return values[0] if one else torch.stack(values, 1)

    return function


def right(s, T, N, p, D, u=None):
    return N if math.isinf(p) else s ** (p - 2) * (T + (p - 2) * N)


def finite(change):
    """Of finite p alone; p = inf is left right."""
    return lambda s, T, N, p, D, u: N if math.isinf(p) else change(s, T, N, p, D, u)


def failures(function, **settings):
    return [each for each in examine(function, **{"families": ()} | settings) if each.verdict == "fails"]


def diagnosis(function, **settings):
    found = [each.sentence for each in failures(function, **settings) if each.clause == "diagnosis"]
    assert len(found) == 1, found
    return found[0]


def test_the_mixture_passes():
    findings = list(examine(GaussianMixture))
    assert [each for each in findings if each.verdict != "holds"] == []
    assert {each.case for each in findings if each.clause == "values"} > {"ordinary", "far tail", "near singular"}


def test_a_function_passes():
    assert (
        failures(
            lambda weights, means, covariances, x, p: GaussianMixture(weights, means, covariances).p_laplacian(x, p)
        )
        == []
    )


SLIPS = {
    "sign reversed": lambda s, T, N, p, D, u: -right(s, T, N, p, D),
    "the term (p-2) n'Hn is missing": lambda s, T, N, p, D, u: s ** (p - 2) * T,
    "n'Hn has the factor p-1 where p-2 belongs": lambda s, T, N, p, D, u: s ** (p - 2) * (T + (p - 1) * N),
    "the factor |s|^(p-2) is missing": lambda s, T, N, p, D, u: T + (p - 2) * N,
    "the power of |s| is one short": lambda s, T, N, p, D, u: s ** (p - 3) * (T + (p - 2) * N),
    "the tangential trace tr H - n'Hn stands where tr H belongs": (
        lambda s, T, N, p, D, u: s ** (p - 2) * (T - N + (p - 2) * N)
    ),
    "p = 2 returns the value of p = 1: an exponent is one short": lambda s, T, N, p, D, u: right(s, T, N, p - 1, D),
    "p = 1 returns the value of p = 2: an exponent is one too many": lambda s, T, N, p, D, u: right(s, T, N, p + 1, D),
    "every p returns the Laplacian": lambda s, T, N, p, D, u: T,
    "the operator of the density q (scaled by q^(1-p))": (
        lambda s, T, N, p, D, u: right(s, T, N, p, D) + (p - 1) * s**p
    ),
    "the operator of the density q, not of log q": (
        lambda s, T, N, p, D, u: torch.exp((p - 1) * u) * (right(s, T, N, p, D) + (p - 1) * s**p)
    ),
    "the normal is not normalised": lambda s, T, N, p, D, u: s ** (p - 2) * (T + (p - 2) * s * s * N),
    "a square root is missing": lambda s, T, N, p, D, u: (s * s) ** (p - 2) * (T + (p - 2) * N),
    "a factor 1/D too much": lambda s, T, N, p, D, u: right(s, T, N, p, D) / D,
    "a factor D too much": lambda s, T, N, p, D, u: right(s, T, N, p, D) * D,
    "a factor 1/2 too much": lambda s, T, N, p, D, u: right(s, T, N, p, D) / 2,
    "a factor 2 too much": lambda s, T, N, p, D, u: right(s, T, N, p, D) * 2,
    "every value is 0.7 times the true one": lambda s, T, N, p, D, u: right(s, T, N, p, D) * 0.7,
    "a factor that depends on the dimension alone is wrong": lambda s, T, N, p, D, u: right(s, T, N, p, D) * D**1.5,
    "the factor |s|^(p-2) is missing (the normalised p-Laplacian); and sign reversed": (
        lambda s, T, N, p, D, u: -(T + (p - 2) * N)
    ),
    "for p = 2, 2.5, 3, 4, 10: p = 2 returns the value of p = 1: an exponent is one short": (
        lambda s, T, N, p, D, u: right(s, T, N, p - 1 if p >= 2 else p, D)
    ),
    "right for p = 1, 1.001, 1.5, 2, inf, wrong for 2.5, 3, 4, 10": (
        lambda s, T, N, p, D, u: right(s, T, N, p, D) if p <= 2 else s
    ),
    "right for D = 2, 3, 8, 64, wrong for 1": lambda s, T, N, p, D, u: right(s, T, N, p, D) + (D == 1) * s * p,
}


@pytest.mark.parametrize("words", SLIPS)
def test_slips_are_named(words):
    assert words in diagnosis(broken(finite(SLIPS[words])))


def of_mixture(change):
    """The right operator of the wrong mixture."""

    def function(weights, means, covariances, x, p):
        return GaussianMixture(*change(weights, means, covariances)).p_laplacian(x, p)

    return function


def uniform(w, m, c):
    return torch.ones_like(w) / len(w), m, c


def squared(w, m, c):
    if isinstance(c, LowRank):
        c = c.dense()
    return w, m, c @ c if c.ndim == 3 else c**2


def diagonal(w, m, c):
    c = c.dense() if isinstance(c, LowRank) else c
    return w, m, c.diagonal(dim1=1, dim2=2).clone() if c.ndim == 3 else c


MISREADINGS = {
    "the weights are ignored": uniform,
    "squared once too often": squared,
    "only the diagonals of covariance matrices are used": diagonal,
}


@pytest.mark.parametrize("words", MISREADINGS)
def test_misread_mixtures_are_named(words):
    assert words in diagnosis(of_mixture(MISREADINGS[words]))


@pytest.mark.parametrize(
    ("dtype", "words"),
    [(torch.float32, "single precision"), (torch.float16, "half precision"), (torch.bfloat16, "half precision")],
)
def test_short_arithmetic_is_named(dtype, words):
    rounded = broken(lambda s, T, N, p, D, u: right(s, T, N, p, D).to(dtype).to(s.dtype))
    assert words in diagnosis(rounded)


def test_single_precision_inside_is_told_by_its_digits():
    def function(weights, means, covariances, x, p):
        if isinstance(covariances, LowRank):
            covariances = covariances.dense()
        q = GaussianMixture(weights.float(), means.float(), covariances.float())
        return q.p_laplacian(x.double().float(), p).to(x.dtype) * (1 + 1e-12)

    assert "as many as single precision inside leaves" in diagnosis(function)


def second_moments(weights, means, covariances, x, p):
    """numpy, full matrices, H as a difference of second moments."""
    values = []
    for point in x:
        offset = means - point
        precisions = np.linalg.inv(covariances)
        scores = np.einsum("kij,kj->ki", precisions, offset)
        logs = np.log(weights) - np.linalg.slogdet(covariances)[1] / 2 - (offset * scores).sum(1) / 2
        r = np.exp(logs - logs.max())
        r /= r.sum()
        s = r @ scores
        H = np.einsum("k,ki,kj->ij", r, scores, scores) - np.outer(s, s) - np.einsum("k,kij->ij", r, precisions)
        norm = np.linalg.norm(s)
        with np.errstate(all="ignore"):  # at critical points
            n = s / norm
            values.append(n @ H @ n if np.isinf(p) else norm ** (p - 2) * (np.trace(H) + (p - 2) * n @ H @ n))
    return np.array(values)


def test_second_moments_are_right_in_ordinary_cases_and_named_in_far_tails():
    found = list(examine(second_moments, families=["far tail", "coincident"]))
    assert [each.verdict for each in found if each.clause == "values" and each.case == "ordinary"] == ["holds"]
    words = [each.sentence for each in found if each.clause == "diagnosis"]
    assert len(words) == 2 and all("difference of second moments" in each for each in words)
    notes = [each.sentence for each in found if each.verdict == "note"]
    assert any("one exponent at a time is taken" in each for each in notes)
    assert any("spherical covariances are taken as matrices (K, D, D) only" in each for each in notes)
    assert any("low_rank covariances are not judged" in each for each in notes)
    # what it does besides: accepts p < 1, has no way out at critical points
    assert {each.clause for each in found if each.verdict == "fails"} >= {"p < 1", "values"}


def test_densities_that_underflow_are_named():
    def function(weights, means, covariances, x, p):
        # responsibilities from densities, not from their logarithms
        q = GaussianMixture(weights, means, covariances)
        value = q.p_laplacian(x, p)
        density = q.log_prob(x).exp()
        return value * (density / density)[(...,) + (None,) * (value.ndim - 1)]

    found = failures(function, families=["far tail"])
    (words,) = [each.sentence for each in found if each.clause == "diagnosis"]
    assert "densities underflow to 0; work with their logarithms" in words


def test_swapped_axes_a_lost_dtype_and_mixed_rows_are_named():
    def swapped(weights, means, covariances, x, p):
        value = GaussianMixture(weights, means, covariances).p_laplacian(x, p)
        return value.mT if value.ndim == 2 else value

    (fault,) = failures(swapped)
    assert fault.clause == "shape" and "axes are swapped: a sequence of 2 exponents gives (2, 4)" in fault.sentence

    def short(weights, means, covariances, x, p):
        return GaussianMixture(weights, means, covariances).p_laplacian(x, p).float()

    assert "float64 in, float32 out" in next(each for each in failures(short) if each.clause == "dtype").sentence

    def mixed(weights, means, covariances, x, p):
        value = GaussianMixture(weights, means, covariances).p_laplacian(x, p)
        return value + 1e-3 * (value - value.mean(0)) if len(value) > 1 else value

    assert "alone" in next(each for each in failures(mixed) if each.clause == "rows").sentence


def test_illegal_exponents_and_critical_points():
    def accepts(weights, means, covariances, x, p):
        q = GaussianMixture(weights, means, covariances)
        if p == 0.5:
            return q.laplacian(x)
        return q.p_laplacian(x, p).nan_to_num(0.0)  # hides that p < 2 has no value where s = 0

    found = {(each.clause, each.case): each.sentence for each in failures(accepts)}
    assert "accepted, and" in found["p < 1", "p = 0.5"]
    assert "p = 1 gives 0 where no limit exists" in found["critical point", "mode"]


def test_what_raises_is_told():
    def refuses(weights, means, covariances, x, p):
        if p not in (1.0, 2.0, 3.0):
            raise NotImplementedError("whole p only")
        return GaussianMixture(weights, means, covariances).p_laplacian(x, p)

    found = [each for each in examine(refuses, families=()) if each.clause == "exponents"]
    assert {each.case: each.verdict for each in found}["p = 1.5"] == "fails"
    assert {each.case: each.verdict for each in found}["p = inf"] == "note"

    def nothing(weights, means, covariances, x, p):
        raise RuntimeError("out of order")

    last = list(examine(nothing))[-1]
    assert last.verdict == "fails" and "it gave no value (B,) for any form of covariances" in last.sentence


@pytest.mark.slow
def test_functions_of_jax():
    jax = pytest.importorskip("jax")
    jnp = jax.numpy

    def density(point, weights, means, covariances):
        offset = means - point
        forms = jnp.einsum("ki,kij,kj->k", offset, jnp.linalg.inv(covariances), offset)
        return jax.nn.logsumexp(jnp.log(weights) - (jnp.linalg.slogdet(covariances)[1] + forms) / 2)

    @jax.jit
    def values(weights, means, covariances, x, p):
        def one(point):
            s = jax.grad(density)(point, weights, means, covariances)
            H = jax.hessian(density)(point, weights, means, covariances)
            norm = jnp.linalg.norm(s)
            return norm ** (p - 2) * (jnp.trace(H) + (p - 2) * s @ H @ s / norm**2)

        return jax.vmap(one)(x)

    def function(weights, means, covariances, x, p):
        if not p >= 1:
            raise ValueError(f"p = {p}")
        return values(weights, means, covariances, x, p)

    found = list(examine(function, families=()))
    assert [each.sentence for each in found if each.clause == "values" and each.verdict != "holds"] == []
    broken = diagnosis(
        lambda weights, means, covariances, x, p: -function(weights, means, covariances, x, p), backend="jax"
    )
    assert broken == "sign reversed"


def test_unknown_families_are_refused():
    with pytest.raises(ValueError, match="families \\['tails'\\] were given"):
        list(examine(GaussianMixture, families=["tails"]))


def test_a_trace_that_cancels_against_its_normal_part_is_named():
    # right for p >= 2; for p < 2 tr H - n'Hn is formed outright
    def function(weights, means, covariances, x, p):
        q = GaussianMixture(weights, means, covariances)
        c = q.curvatures(x)
        trace = c.tangential + c.normal
        values = q.p_laplacian(x, p)
        if isinstance(p, float):
            return c.norm ** (p - 2) * (trace - c.normal + (p - 1) * c.normal) if 1 <= p < 2 else values
        return torch.stack([function(weights, means, covariances, x, each) for each in p], 1)

    (found,) = [each for each in failures(function, families=["near singular"]) if each.clause == "diagnosis"]
    assert "the tangential trace is a difference, tr H - n'Hn, which cancels" in found.sentence
