"""Properties of the p-Laplacian of any mixture (MATH section 1): invariances, homogeneity, limits."""

import math

import torch
from hypothesis import given
from hypothesis import strategies as st

from plaplace import GaussianMixture, LowRank, operators
from plaplace.strategies import exponents, mixtures, noise_levels, orthogonal_matrices, parameters, points
from tests.conditioning import absolute_condition, assert_agree


def check_transformed(data, transform, factor=lambda p: 1.0, kinds=("spherical", "diagonal", "full", "low_rank")):
    """Delta_p at transformed points of the transformed mixture is factor(p) times the original."""
    given_parameters = data.draw(parameters(kinds=kinds))
    q = GaussianMixture(*given_parameters)
    x, p = data.draw(points(q)), data.draw(exponents())
    new_parameters, y = transform(given_parameters, x)
    got = GaussianMixture(*new_parameters).p_laplacian(y, p)
    want = factor(p) * q.p_laplacian(x, p)
    condition = absolute_condition(new_parameters, y, lambda m, z: m.p_laplacian(z, p))
    assert_agree(got, want, condition)


@given(st.data())
def test_rotation(data):
    def rotate(parameters_, x):
        w, mu, covariances = parameters_
        turn = data.draw(orthogonal_matrices(mu.shape[1]))
        if isinstance(covariances, LowRank):
            return (w, mu @ turn.mT, LowRank(covariances.isotropic, turn @ covariances.factors)), x @ turn.mT
        if covariances.ndim == 3:
            turned = turn @ covariances @ turn.mT
            covariances = (turned + turned.mT) / 2
        return (w, mu @ turn.mT, covariances), x @ turn.mT

    check_transformed(data, rotate, kinds=("spherical", "full", "low_rank"))


@given(st.data())
def test_translation(data):
    def translate(parameters_, x):
        w, mu, covariances = parameters_
        shift = data.draw(st.floats(-100, 100))
        return (w, mu + shift, covariances), x + shift

    check_transformed(data, translate)


@given(st.data(), st.floats(1e-3, 1e3))
def test_scaling_by_a_gives_a_to_the_minus_p(data, a):
    def scale(parameters_, x):
        w, mu, covariances = parameters_
        if isinstance(covariances, LowRank):
            return (w, a * mu, LowRank(a**2 * covariances.isotropic, a * covariances.factors)), a * x
        return (w, a * mu, a**2 * covariances), a * x

    check_transformed(data, scale, factor=lambda p: a ** -(2.0 if math.isinf(p) else p))


@given(st.data())
def test_permuting_components(data):
    def permute(parameters_, x):
        w, mu, covariances = parameters_
        order = torch.tensor(data.draw(st.permutations(range(len(w)))))
        if isinstance(covariances, LowRank):
            return (w[order], mu[order], LowRank(covariances.isotropic[order], covariances.factors[order])), x
        return (w[order], mu[order], covariances[order]), x

    check_transformed(data, permute)


@given(st.data(), st.floats(0.01, 0.99))
def test_splitting_a_component(data, share):
    def split(parameters_, x):
        w, mu, covariances = parameters_
        order = torch.tensor([0, *range(len(w))])
        weights = w[order].clone()
        weights[0] *= share
        weights[1] *= 1 - share
        if isinstance(covariances, LowRank):
            return (weights, mu[order], LowRank(covariances.isotropic[order], covariances.factors[order])), x
        return (weights, mu[order], covariances[order]), x

    check_transformed(data, split)


@given(st.data())
def test_divided_by_the_power_it_is_affine_in_p(data):
    """Delta_p u / |s|^(p-2) = tr H + (p-2) n'Hn: the infinity-Laplacian is its slope."""
    given_parameters = data.draw(parameters())
    q = GaussianMixture(*given_parameters)
    x, p = data.draw(points(q)), data.draw(st.floats(1.0, 50.0))
    norm = q.score(x).norm(dim=1)
    values = q.p_laplacian(x, [p, 2.0, math.inf])
    condition = absolute_condition(given_parameters, x, lambda m, z: m.p_laplacian(z, p)) / norm ** (p - 2)
    assert_agree(values[:, 0] / norm ** (p - 2), values[:, 1] + (p - 2) * values[:, 2], condition + p)


@given(st.floats(1.0, 12.0), st.floats(0.01, 100.0), st.sampled_from([-1, 1]), st.integers(0, 2**31))
def test_homogeneity_in_u(p, size, sign, seed):
    """u -> c u gives |c|^(p-2) c."""
    norm, normal, tangential = torch.randn(3, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    c, norm = sign * size, norm.abs()
    got = operators.p_laplacian(abs(c) * norm, c * normal, c * tangential, p)
    want = abs(c) ** (p - 2) * c * operators.p_laplacian(norm, normal, tangential, p)
    assert_agree(
        got, want, norm ** (p - 2) * size ** (p - 1) * ((p - 1) * normal.abs() + tangential.abs()), 100 + 10 * p
    )


@given(mixtures(max_dimension=1), st.data())
def test_one_dimension_p_one_is_zero(q, data):
    assert bool((q.p_laplacian(data.draw(points(q)), 1.0) == 0).all())


@given(st.integers(1, 40), st.floats(0.01, 100), exponents(), st.integers(0, 2**31))
def test_one_isotropic_gaussian(d, w, p, seed):
    """-(D+p-2) r^(p-2) / w^(2(p-1)), and -1/w^2 for p = inf."""
    x = w * torch.randn(3, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    q = GaussianMixture(x.new_ones(1), x.new_zeros(1, d), x.new_tensor([w * w]))
    r = x.norm(dim=1)
    want = torch.full_like(r, -1 / w**2) if math.isinf(p) else -((d - 1) + (p - 1)) * r ** (p - 2) / w ** (2 * (p - 1))
    assert_agree(q.p_laplacian(x, p), want, 0 * r, roundings=100 + 20 * min(p, 100))


@given(st.data(), noise_levels(), noise_levels())
def test_noise_levels_compose(data, first, second):
    """Noising twice is noising once, with (a1 a2, sqrt(a2^2 s1^2 + s2^2))."""
    given_parameters = data.draw(parameters())
    q = GaussianMixture(*given_parameters)
    x, p = data.draw(points(q)), data.draw(exponents())
    (a1, s1), (a2, s2) = first, second
    a, s = a1 * a2, math.hypot(a2 * s1, s2)
    condition = absolute_condition(given_parameters, x, lambda m, z: m.noised(a, s).p_laplacian(z, p))
    assert_agree(q.noised(a1, s1).noised(a2, s2).p_laplacian(x, p), q.noised(a, s).p_laplacian(x, p), condition)


@given(st.data(), st.floats(0.01, 10.0))
def test_regularised_against_the_divergence_of_its_own_flux(data, eps):
    """div((|s|^2 + eps^2)^((p-2)/2) s) differentiated by torch: another route, with no formula for the curvatures."""
    given_parameters = data.draw(parameters())
    q = GaussianMixture(*given_parameters)
    x, p = data.draw(points(q)), data.draw(exponents(allow_infinity=False))

    def flux(z):
        s = q.score(z[None])[0]
        return (s.square().sum() + eps**2) ** ((p - 2) / 2) * s

    want = torch.stack([torch.autograd.functional.jacobian(flux, z).trace() for z in x])
    condition = absolute_condition(given_parameters, x, lambda m, z: m.p_laplacian(z, p, eps=eps))
    assert_agree(q.p_laplacian(x, p, eps=eps), want, condition, roundings=1e4)


@given(st.data())
def test_density_form_against_the_divergence_of_its_own_flux(data):
    """q^(1-p) div(|grad q|^(p-2) grad q), by torch, with q scaled to 1 at the point."""
    given_parameters = data.draw(parameters())
    q = GaussianMixture(*given_parameters)
    x, p = data.draw(points(q)), data.draw(exponents(allow_infinity=False))

    def divergence(z):
        here = q.log_prob(z[None])[0]

        def flux(y):
            g = (q.log_prob(y[None])[0] - here).exp() * q.score(y[None])[0]
            return g.norm() ** (p - 2) * g

        return torch.autograd.functional.jacobian(flux, z).trace()

    want = torch.stack([divergence(z) for z in x])
    condition = absolute_condition(given_parameters, x, lambda m, z: m.p_laplacian(z, p, of="density"))
    c = q.curvatures(x)  # the size of what torch adds up, where the sum is exactly 0 (D = 1, p = 1)
    condition += c.norm ** (p - 2) * (c.normal.abs() + c.norm**2)
    assert_agree(q.p_laplacian(x, p, of="density"), want, condition, roundings=1e4)


@given(st.data())
def test_many_exponents_are_the_single_ones(data):
    q = data.draw(mixtures())
    x, ps = data.draw(points(q)), data.draw(st.lists(exponents(), min_size=1, max_size=4))
    together = q.p_laplacian(x, ps)
    assert together.shape == (len(x), len(ps))
    assert torch.equal(together, torch.stack([q.p_laplacian(x, p) for p in ps], 1))
