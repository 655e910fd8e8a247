"""Properties of mixtures: identities of the score, kinds, batches, data types, noise and ball means."""

import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from plaplace import GaussianMixture, LowRank
from plaplace.mixture import evaluator
from plaplace.strategies import covariances, exponents, mixtures, noise_levels, parameters, points
from tests.conditioning import absolute_condition, assert_agree


@given(st.data())
def test_score_and_hessian_are_the_derivatives_of_the_log_density(data):
    given_parameters = data.draw(parameters())
    q = GaussianMixture(*given_parameters)
    x = data.draw(points(q))
    y = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(q.log_prob(y).sum(), y)
    hessian = torch.stack([torch.autograd.functional.jacobian(lambda z: q.score(z[None])[0], row) for row in x])
    size = q.score(x).abs().amax(1, keepdim=True) + q.hessian(x).abs().amax((1, 2))[:, None]
    assert_agree(q.score(x), gradient, size * (1 + x.abs().amax()))
    assert_agree(q.hessian(x), hessian, size[..., None] * (1 + x.abs().amax()) * (1 + size[..., None]))


@given(st.data())
def test_trace_and_directional_curvature_are_those_of_the_hessian(data):
    q = data.draw(mixtures())
    x = data.draw(points(q))
    v = torch.randn(x.shape, dtype=x.dtype, generator=torch.Generator().manual_seed(data.draw(st.integers(0, 99))))
    h = q.hessian(x)
    size = h.abs().amax((1, 2)) * q.dimension
    assert_agree(q.laplacian(x), torch.einsum("bii->b", h), size)
    assert_agree(q.directional_curvature(x, v), torch.einsum("bi,bij,bj->b", v, h, v), size * v.square().sum(1))
    c = q.curvatures(x)
    assert_agree(c.normal + c.tangential, q.laplacian(x), size)


@given(st.integers(1, 3), st.integers(0, 2**31))
def test_stein_identities(k, seed):
    """E s = 0 and E|s|^2 = -E tr H, by the trapezoid rule on the line (spectral: q is entire and decays)."""
    g = torch.Generator().manual_seed(seed)
    weights = torch.rand(k, dtype=torch.float64, generator=g) + 0.1
    means, variances = torch.randn(k, 1, dtype=torch.float64, generator=g), torch.rand(k, generator=g).double() + 0.2
    q = GaussianMixture(weights / weights.sum(), means, variances)
    x = torch.linspace(-16, 16, 2001, dtype=torch.float64)[:, None]
    density = q.log_prob(x).exp() * (x[1, 0] - x[0, 0])
    s = q.score(x)[:, 0]
    assert abs(float(density.sum()) - 1) < 1e-12
    assert abs(float((density * s).sum())) < 1e-12
    fisher = float((density * s.square()).sum())
    assert abs(fisher + float((density * q.laplacian(x)).sum())) < 1e-12 * (1 + fisher)


@given(st.data())
def test_kinds_agree_on_one_covariance(data):
    k, d = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 5))
    variances = data.draw(covariances("spherical", k, d))
    weights, means = (
        torch.full((k,), 1 / k).double(),
        torch.randn(k, d, generator=torch.Generator().manual_seed(k)).double(),
    )
    diagonal = variances[:, None].expand(k, d).contiguous()
    forms = [variances, diagonal, torch.diag_embed(diagonal), LowRank(variances, torch.zeros(k, d, 2).double())]
    first = GaussianMixture(weights, means, forms[0])
    x, p = data.draw(points(first)), data.draw(exponents())
    condition = absolute_condition((weights, means, forms[0]), x, lambda m, z: m.p_laplacian(z, p))
    for form in forms[1:]:
        q = GaussianMixture(weights, means, form)
        assert_agree(q.p_laplacian(x, p), first.p_laplacian(x, p), condition, what=q.covariance_kind)
        assert_agree(q.log_prob(x), first.log_prob(x), first.log_prob(x).abs() + d, what=q.covariance_kind)


@given(st.data(), st.integers(1, 40))
def test_batches_and_blocks_do_not_matter(data, block_elements):
    given_parameters = data.draw(parameters())
    q = GaussianMixture(*given_parameters)
    x, p = data.draw(points(q, max_points=9)), data.draw(exponents())
    together = q.p_laplacian(x, p)
    condition = absolute_condition(given_parameters, x, lambda m, z: m.p_laplacian(z, p))
    assert_agree(torch.cat([q.p_laplacian(row[None], p) for row in x]), together, condition)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluator, "_CAREFUL_NUMBERS", block_elements)
        form = q._evaluator._form("p_laplacian")
        if form is not None:
            patch.setattr(form, "block", block_elements)
        assert_agree(q.p_laplacian(x, p), together, condition)


@given(st.data())
def test_float32_is_float64_to_its_own_rounding(data):
    given_parameters = data.draw(parameters())
    rounded = tuple(
        LowRank(c.isotropic.float(), c.factors.float()) if isinstance(c, LowRank) else c.float()
        for c in given_parameters
    )
    single = GaussianMixture(*rounded)
    double = single.to(torch.float64)
    x = data.draw(points(double)).float()
    p = data.draw(exponents(allow_infinity=False).filter(lambda value: value <= 4))
    got = single.p_laplacian(x, p)
    assert got.dtype == torch.float32
    exact = tuple(
        LowRank(c.isotropic.double(), c.factors.double()) if isinstance(c, LowRank) else c.double() for c in rounded
    )
    condition = absolute_condition(exact, x.double(), lambda m, z: m.p_laplacian(z, p))
    assert_agree(got, double.p_laplacian(x.double(), p), condition, roundings=100, eps=torch.finfo(torch.float32).eps)


@given(mixtures(), st.data())
def test_numpy_and_torch_agree_to_the_bit(q, data):
    x = data.draw(points(q))
    for method in (q.log_prob, q.score, q.laplacian, q.hessian, lambda z: q.p_laplacian(z, [1.0, 3.0])):
        array = method(x.numpy())
        assert isinstance(array, np.ndarray)
        assert np.array_equal(array, method(x).numpy(), equal_nan=True)


@given(st.data(), noise_levels())
def test_denoiser_is_tweedie_and_its_jacobian_the_posterior_covariance(data, level):
    alpha, sigma = level
    q = data.draw(mixtures())
    noised = q.noised(alpha, sigma)
    x = data.draw(points(noised))
    tweedie = (x + sigma**2 * noised.score(x)) / alpha
    size = (x.abs().amax() + q.means.abs().amax()) * (1 + 1 / alpha) * (1 + sigma**2) * 10
    assert_agree(q.denoise(x, alpha, sigma), tweedie, size * (1 + noised.score(x).abs().amax()))
    v = torch.ones_like(x)
    hv = torch.einsum("bij,bj->bi", noised.hessian(x), v)
    want = (sigma / alpha) ** 2 * (v + sigma**2 * hv)
    size = (sigma / alpha) ** 2 * (1 + sigma**2 * noised.hessian(x).abs().sum((1, 2)))[:, None] + 1
    assert_agree(q.posterior_covariance(x, v, alpha, sigma), want, size * (1 + x.abs().amax() / sigma) ** 2)
    # a covariance: v'Cv >= 0, hence H >= -I/sigma^2
    assert bool(((v * q.posterior_covariance(x, v, alpha, sigma)).sum(1) >= 0).all())
    eigenvalues = torch.linalg.eigvalsh(noised.hessian(x))
    assert bool((eigenvalues >= -1 / sigma**2 * (1 + 1e-9) - 1e-9 * eigenvalues.abs().amax()).all())


@given(st.data(), st.floats(0.01, 0.99))
def test_mix_adds_densities(data, share):
    k, d = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 4))
    kinds = [data.draw(st.sampled_from(["spherical", "diagonal", "full", "low_rank"])) for _ in range(2)]
    g = torch.Generator().manual_seed(data.draw(st.integers(0, 99)))
    parts = [
        GaussianMixture(
            torch.full((k,), 1 / k).double(),
            torch.randn(k, d, generator=g).double(),
            data.draw(covariances(kind, k, d)),
        )
        for kind in kinds
    ]
    q = GaussianMixture.mix([(share, parts[0]), (1 - share, parts[1])])
    x = data.draw(points(q))
    want = torch.logaddexp(math.log(share) + parts[0].log_prob(x), math.log1p(-share) + parts[1].log_prob(x))
    assert_agree(q.log_prob(x), want, want.abs() + d)


@given(st.data())
def test_ball_mean_on_the_circle_is_the_mean_over_the_disc(data):
    """The divergence theorem, checked: the flux rule against a product rule over the disc of the pointwise values."""
    given_parameters = data.draw(
        parameters(max_dimension=2, kinds=("spherical", "full")).filter(lambda g: g[1].shape[1] == 2)
    )
    q = GaussianMixture(*given_parameters)
    x, p = data.draw(points(q, max_points=2)), data.draw(st.sampled_from([2.0, 3.0, 4.0]))
    radius = data.draw(st.floats(0.01, 0.3))
    got, error = q.ball_mean(x, p, radius, return_error=True)
    want, size = _over_disc(q, x, p, radius, 48, 144)
    coarse, _ = _over_disc(q, x, p, radius, 32, 96)
    # the disc rule is the coarser one: what it does not resolve, such as a ridge between narrow components, shows
    # between its two sizes; a kink at |s| = 0 for p = 3 it resolves to 1e-4
    unresolved = 2 * (want - coarse).abs()
    slack = 1e-8 * (size + q.score(x).norm(dim=1) ** (p - 1) / radius) if p != 3.0 else 1e-4 * (size + 1)
    assume(bool((unresolved <= 1e-2 * size + slack).all()))
    allowed = error + slack + unresolved
    assert bool(((got - want).abs() <= allowed).all()), f"{got} by the circle, {want} over the disc, {allowed}"


def _over_disc(q, x, p, radius, radial, angular):
    """Mean of the p-Laplacian and of its size over discs, by Gauss-Legendre in the radius and equal angles."""
    nodes, weights = np.polynomial.legendre.leggauss(radial)
    r = torch.tensor((nodes + 1) / 2)
    angle = 2 * math.pi * torch.arange(angular).double() / angular
    n = torch.stack([angle.cos(), angle.sin()], 1)
    disc = (radius * r[:, None, None] * n).flatten(0, 1)
    w = (torch.tensor(weights) / 2 * 2 * r / angular)[:, None].expand(-1, angular).flatten()
    values = [q.p_laplacian(row + disc, p) for row in x]
    return torch.stack([(w * v).sum() for v in values]), torch.stack([(w * v.abs()).sum() for v in values])


@given(st.data())
def test_ball_mean_tends_to_the_pointwise_value_as_r_squared(data):
    q = data.draw(mixtures(max_dimension=3).filter(lambda m: m.dimension > 1))
    x, p = data.draw(points(q, max_points=1)), data.draw(st.floats(1.0, 4.0))
    c = q.curvatures(x)
    # the radius of curvature of everything in sight: components of width 0.1 and the distance to the critical point
    scale = min(0.1, float(c.norm / (c.normal.abs() + c.tangential.abs() + 1)))
    assume(scale > 1e-3)
    pointwise = q.p_laplacian(x, p)
    near, far = (float((q.ball_mean(x, p, r * scale) - pointwise).abs()) for r in (0.05, 0.1))
    floor = 1e-10 * float(pointwise.abs() + c.norm ** (p - 1) / scale)
    assert near <= 0.3 * far + floor
