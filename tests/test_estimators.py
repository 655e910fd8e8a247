"""Estimators against exact values: the paper's triangle, known figures, conventions, extremes."""

import math
from functools import partial

import pytest
import torch

from plaplace import GaussianMixture, estimators
from plaplace.estimators import ESTIMATORS, autodiff, ball_volume, finite_difference, hutchinson, sphere_flux
from plaplace.testing import CountedScore, assert_close
from tests.estimator_cases import POINTWISE, eight, generator, triangle


@pytest.mark.parametrize("mode", ["reverse", "forward"])
@pytest.mark.parametrize("eps", [0.0, 0.3])
def test_autodiff_is_exact(mode, eps):
    q, x = eight()
    p = [1.0, 1.5, 2.0, 3.0, math.inf]
    e = autodiff(q.score, x, p, mode=mode, eps=eps)
    torch.testing.assert_close(e.value, q.p_laplacian(x, p, eps=eps), rtol=1e-11, atol=0)
    assert (e.standard_error == 0).all()
    assert e.num_evaluations == 17


def test_autodiff_keeps_the_tangential_digits_next_to_a_stiff_normal():
    """s = -1e14 n0 n0'x - x: tr J is -1e14, the tangential trace -7. A difference of the two has no digits left."""
    n0 = torch.nn.functional.normalize(torch.randn(8, generator=generator()).double(), dim=0)

    def score(x):
        return -1e14 * (x @ n0)[:, None] * n0 - x

    value = autodiff(score, n0[None] * 1.0, 1.0).value
    assert_close(value, torch.tensor([-7e-14], dtype=torch.float64), condition=100)


def test_finite_differences_converge_like_the_square_of_the_step():
    q, x = eight()
    exact = q.p_laplacian(x, [1.0, 3.0])
    errors = [(finite_difference(q.score, x, [1.0, 3.0], step=h).value - exact).abs() for h in (2e-2, 1e-2)]
    assert ((errors[0] / errors[1] - 4).abs() < 0.2).all()
    default = finite_difference(q.score, x, [1.0, 3.0]).value
    torch.testing.assert_close(default, exact, rtol=1e-8, atol=0)


@pytest.mark.parametrize("method", ["tangent", "plain", "hutch++", "xtrace"])
@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_hutchinson_is_exact_once_products_reach_the_dimension(method, mode):
    q, x = eight()
    p = [1.0, 2.0, 2.5, math.inf]
    e = hutchinson(q.score, x, p, num_probes=8, method=method, mode=mode)
    torch.testing.assert_close(e.value, q.p_laplacian(x, p), rtol=1e-11, atol=0)
    assert (e.standard_error == 0).all()
    assert e.num_evaluations == (3 + 2 * 8 if method == "plain" else 3 + 2 * 7)


@pytest.mark.parametrize("mode", ["reverse", "forward"])
@pytest.mark.parametrize(
    ("p", "method", "eps", "free"),
    [
        (1.0, "tangent", 0.0, True), ([1.0, 1.0], "hutch++", 0.0, True), (1.0, "xtrace", 0.0, True),
        (1.0, "tangent", 0.1, False), (2.0, "tangent", 0.0, False), (2.0, "hutch++", 0.0, False),
        ([1.0, 2.0], "tangent", 0.0, False), (2.0, "plain", 0.0, True), (2.0, "plain", 0.1, True),
        (1.0, "plain", 0.0, True), (1.0, "plain", 0.1, True), ([2.0, 3.0], "plain", 0.0, True),
        (3.5, "plain", 0.1, True), ([2.0, math.inf], "plain", 0.0, False), ([3.0, math.inf], "plain", 0.0, False),
    ],
)  # fmt: skip
def test_the_product_along_the_normal_is_made_where_it_enters(p, method, eps, free, mode):
    """Where it is not made, the value is that beside a p which needs it, for one product less."""
    q, x = eight()
    counted = CountedScore(q.score)
    run = partial(hutchinson, x=x, num_probes=6, method=method, eps=eps, mode=mode)
    e = run(counted, p=p, generator=generator())
    assert e.num_evaluations * len(x) == counted.evaluations == ((1 if free else 3) + 2 * 6) * len(x)
    first = p if isinstance(p, float) else p[0]
    beside = run(q.score, p=[first, 2.5, math.inf], generator=generator())
    assert beside.num_evaluations == 3 + 2 * 6
    for got, want in ((e.value, beside.value), (e.standard_error, beside.standard_error)):
        torch.testing.assert_close(got.reshape(5, -1)[:, 0], want[:, 0], rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize(
    ("p", "method", "whole"), [(1.0, "tangent", 7), (1.0, "hutch++", 7), ([1.0, 1.5, 2.0, 3.0, 4.0], "plain", 8)]
)
def test_hutchinson_without_the_normal_is_exact_once_products_reach_the_dimension(p, method, whole):
    q, x = eight()
    e = hutchinson(q.score, x, p, num_probes=8, method=method)
    torch.testing.assert_close(e.value, q.p_laplacian(x, p), rtol=1e-11, atol=0)
    assert (e.standard_error == 0).all()
    assert e.num_evaluations == 1 + 2 * whole


@pytest.mark.parametrize("eps", [0.0, 0.3])
@pytest.mark.parametrize("distribution", ["orthonormal", "rademacher"])
def test_plain_samples_both_parts_without_bias(distribution, eps):
    """400 seeds, 5 points, 4 p: means to 4.5 standard errors, at most 1.4e-4 of false alarm (Bonferroni).

    Taking p - 1 for p - 2, or the normal part twice, would be off by 10 standard errors or more somewhere.
    """
    q, x = eight()
    p = [1.0, 1.5, 3.0, 4.0]
    run = partial(hutchinson, q.score, x, p, num_probes=3, method="plain", distribution=distribution, eps=eps)
    values = torch.stack([run(generator=generator(seed)).value for seed in range(400)])
    off = (values.mean(0) - q.p_laplacian(x, p, eps=eps)).abs() / values.std(0) * 20
    assert (off <= 4.5).all(), off


@pytest.mark.parametrize("score", ["symmetric", "not"])
def test_plain_samples_are_the_forms_of_one_matrix(monkeypatch, score):
    """`v'(I + (p-2) nn') J'v` by hand in reverse mode, with J in forward mode; alike where J is symmetric."""
    a = torch.randn(5, 5, generator=generator(4)).double()
    a = a + a.T if score == "symmetric" else a
    x = torch.randn(3, 5, generator=generator(5)).double()
    v = torch.randn(4, 5, generator=generator(6)).double()
    monkeypatch.setattr(torch, "randn", lambda *arguments, **options: v)
    p = [1.0, 2.0, 3.5]
    s = x @ a.T
    norm = s.norm(dim=1, keepdim=True)
    n = s / norm
    made = {}
    for mode, j in (("reverse", a.T), ("forward", a)):
        e = hutchinson(lambda z: z @ a.T, x, p, num_probes=4, method="plain", distribution="gaussian", mode=mode)
        made[mode] = e.value
        for column, power in enumerate(p):
            matrix = (torch.eye(5).double() + (power - 2) * n[:, :, None] * n[:, None]) @ j
            forms = norm ** (power - 2) * torch.einsum("ki,bij,kj->bk", v, matrix, v)
            torch.testing.assert_close(e.value[:, column], forms.mean(1), rtol=1e-11, atol=1e-11)
            torch.testing.assert_close(e.standard_error[:, column], forms.std(1) / 2, rtol=1e-11, atol=1e-11)
    assert torch.allclose(made["reverse"], made["forward"], rtol=1e-11, atol=1e-11) == (score == "symmetric")


def test_infinity_among_others_is_exact_by_plain_too():
    q, x = eight()
    e = hutchinson(q.score, x, [1.0, math.inf], num_probes=3, method="plain", generator=generator())
    torch.testing.assert_close(e.value[:, 1], q.p_laplacian(x, math.inf), rtol=1e-11, atol=0)
    assert (e.standard_error[:, 1] <= 1e-13 * e.value[:, 1].abs()).all()
    assert (e.standard_error[:, 0] > 1e-3 * e.value[:, 0].abs()).all()


def test_without_the_normal_critical_points_and_one_dimension_keep_their_conventions():
    a, x = torch.tensor([1.0, 2.0, 4.0]).double(), torch.tensor([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]).double()
    run = partial(hutchinson, lambda z: -a * z, num_probes=3)
    assert_close(run(x, 2.0, method="plain").value, torch.tensor([-7.0, -7.0]).double(), condition=10)
    want = torch.tensor([[math.nan, -7.0, 0.0], [-6.0, -7.0, -8.0]]).double()
    several = run(x, [1.0, 2.0, 3.0], method="plain")
    assert_close(several.value, want, condition=10)
    assert (several.num_evaluations, several.num_nonfinite.tolist()) == (7, [0, 0])
    part = run(x, [1.0, 2.0, 3.0], method="plain", num_probes=2)
    assert torch.equal(part.standard_error.isnan(), want.isnan())
    one = run(x, 1.0)
    assert_close(one.value, torch.tensor([math.nan, -6.0]).double(), condition=10)
    assert one.standard_error.isnan().tolist() == [True, False]
    assert not one.num_nonfinite.any()
    for p, want in ((1.0, 0.0), (2.0, -12.0)):
        e = hutchinson(lambda z: -(z**3), torch.tensor([[2.0]]).double(), p, method="plain")
        assert (e.value.item(), e.num_evaluations) == (want, 3)  # a line has no tangents: n'Jn is all there is


def test_infinity_needs_one_product():
    q, x = eight()
    for estimator in POINTWISE:
        counted = CountedScore(q.score)
        e = estimator(counted, x, math.inf)
        torch.testing.assert_close(e.value, q.p_laplacian(x, math.inf), rtol=1e-8, atol=0)
        assert e.num_evaluations * len(x) == counted.evaluations == 3 * len(x)


@pytest.mark.parametrize("estimator", POINTWISE)
def test_critical_points_follow_the_convention_of_the_operators(estimator):
    """At s = 0: tr J for p = 2, 0 for p > 2, no value for p < 2 and p = inf; the next row is untouched."""
    a = torch.tensor([1.0, 2.0, 4.0]).double()
    x = torch.stack([torch.zeros(3), torch.tensor([1.0, 0.0, 0.0])]).double()
    e = estimator(lambda z: -a * z, x, [1.0, 2.0, 3.0, math.inf])
    want = torch.tensor([[math.nan, -7.0, 0.0, math.nan], [-6.0, -7.0, -8.0, -1.0]]).double()
    assert_close(e.value, want, condition=1e6)
    assert torch.equal(e.standard_error.isnan(), want.isnan())
    assert not e.num_nonfinite.any()


@pytest.mark.parametrize("estimator", POINTWISE)
def test_one_dimension_has_no_tangents(estimator):
    e = estimator(lambda z: -(z**3), torch.tensor([[2.0], [-1.0]]).double(), [1.0, 2.0, 3.0])
    assert_close(e.value, torch.tensor([[0.0, -12.0, -192.0], [0.0, -3.0, -6.0]]).double(), condition=1e7)


@pytest.mark.parametrize("kind", ["iid", "antithetic", "frame", "orthonormal", "sobol"])
def test_one_dimension_of_flux_is_a_difference_quotient(kind):
    e = sphere_flux(
        lambda z: -(z**3), torch.tensor([[2.0]]).double(), 2.0, radius=0.5, num_directions=400, directions=kind
    )
    # (1/2R) (F(x+R) - F(x-R)) = -(3x^2 + R^2)
    assert abs(e.value.item() + 12.25) <= 5 * e.standard_error.item() + 1e-12


def test_whole_frames_are_exact_on_a_linear_score():
    """p = 2, at any radius, J not symmetric: to rounding, `eps D/R |s|` over `|tr J|`."""
    g = generator(2)
    for dimension in (1, 2, 5, 64):
        j, x = torch.randn(dimension, dimension, generator=g).double(), torch.randn(3, dimension, generator=g).double()
        for radius in (1e-3, 1.0, 1e3):
            e = sphere_flux(lambda z, j=j: z @ j.T, x, 2.0, radius=radius, num_directions=2 * dimension, generator=g)
            size = dimension / radius * (x @ j.T).norm(dim=1) + j.norm()
            assert_close(e.value, j.trace().expand(3), scale=size, condition=dimension)
            assert (e.standard_error == 0).all()
    e = sphere_flux(lambda z: z @ j.T, x, 2.0, radius=1.0, num_directions=64, directions="orthonormal", generator=g)
    assert_close(e.value, j.trace().expand(3), scale=64 * (x @ j.T).norm(dim=1) + j.norm(), condition=64)
    assert e.num_evaluations == 65


@pytest.mark.parametrize(("kind", "low", "high"), [("iid", 2.9, 3.9), ("antithetic", 0.31, 0.41), ("frame", 0, 0.01)])
def test_known_spread_beside_a_mode(kind, low, high):
    """Mode + (0.35, 0.1), R = 0.05, p = 1, 64 directions: exact -2.747, sd 3.26 to 3.35 iid, 0.36 pairs, 0.00 frames.

    300 seeds give a standard deviation to 4%; bounds of about 4 of those around 3.3 and 0.36.
    """
    q, means, _ = triangle()
    x = means[:1] + torch.tensor([[0.35, 0.1]]).double()
    assert q.p_laplacian(x, 1.0).item() == pytest.approx(-2.747, abs=5e-4)
    runs = [
        sphere_flux(q.score, x, 1.0, radius=0.05, directions=kind, generator=generator(s)).value for s in range(300)
    ]
    assert low <= torch.stack(runs).std().item() <= high


@pytest.mark.parametrize("radius", [0.1 * 0.1**0.5, 0.03 * 0.1**0.5])
def test_frames_have_a_hundredth_of_the_iid_variance_and_at_most_that_of_pairs(radius):
    """On the triangle at R <= 0.1 width, p = 1 and 2, 200 seeds.

    A hundredth off the critical points; at modes, midpoints and centre iid directions have no 1/R^2 term to lose, and
    frames have at most the variance of pairs and of iid directions (10% for the noise of the seeds).
    """
    q, means, midpoints = triangle()
    off = means + torch.tensor([[0.35, 0.1], [-0.2, 0.3], [0.1, 0.45]]).double()
    x = torch.cat([off, means, midpoints, means.mean(0, keepdim=True)])

    def variances(kind):
        run = partial(sphere_flux, q.score, x, [1.0, 2.0], radius=radius, directions=kind)
        return torch.stack([run(generator=generator(seed)).value for seed in range(200)]).var(0)

    iid, pairs, frames = map(variances, ("iid", "antithetic", "frame"))
    rounding = (1e-12 / radius) ** 2 * torch.tensor([1.0, 1e3]).double()
    assert (frames[:3] <= iid[:3] / 100).all()
    assert (frames <= 1.1 * pairs + rounding).all()
    assert (frames <= 1.1 * iid + rounding).all()


def test_ball_means_match_the_exact_rule():
    q, means, midpoints = triangle()
    x, p = torch.cat([means[:1] + 0.3, midpoints[:1]]), [1.0, 2.0, 3.0]
    exact = q.ball_mean(x, p, 0.5)
    e = sphere_flux(q.score, x, p, radius=0.5, num_directions=16384, directions="sobol", generator=generator())
    torch.testing.assert_close(e.value, exact, rtol=1e-9, atol=1e-9)
    for estimate in (
        sphere_flux(q.score, x, p, radius=0.5, num_directions=2000, generator=generator()),
        ball_volume(q.score, x, p, radius=0.5, num_points=500, generator=generator()),
        ball_volume(q.score, x, p, radius=0.5, num_points=900, num_axes=1, generator=generator()),
    ):
        assert ((estimate.value - exact).abs() <= 4.5 * estimate.standard_error + 1e-7 * exact.abs()).all()


def test_richardson_takes_the_radius_bias_to_the_fourth_order():
    """On the plane, where equispaced directions leave no sampling error: half the radius, bias / 4, then / 16."""
    q = GaussianMixture(
        torch.tensor([0.4, 0.6]).double(), torch.tensor([[0.0, 0.0], [1.0, 0.5]]).double(), torch.ones(2).double()
    )
    x, p = torch.tensor([[1.5, -0.7], [-0.8, 0.2]]).double(), [1.0, 2.0, 3.0]
    exact = q.p_laplacian(x, p)
    for richardson, order in ((False, 4), (True, 16)):
        run = partial(sphere_flux, q.score, x, p, num_directions=1024, directions="sobol", richardson=richardson)
        errors = [run(radius=r, generator=generator()).value - exact for r in (0.2, 0.1)]
        torch.testing.assert_close(errors[0] / errors[1], torch.full((2, 3), float(order)).double(), rtol=0.1, atol=0)
    assert sphere_flux(q.score, x, 1.0, radius=0.1, num_directions=10, richardson=True).num_evaluations == 20


def test_the_units_are_those_of_the_operator():
    """D/R is part of the value, and every p has its own power: Gaussian of width 2, far out, p = 1 .. 4."""
    r, width, d = 40.0, 2.0, 3
    x = torch.tensor([[r, 0.0, 0.0]]).double()
    p = [1.0, 1.5, 2.0, 3.0, 4.0]
    e = sphere_flux(lambda z: -z / width**2, x, p, radius=1e-3, num_directions=6, generator=generator())
    want = [-(d + q - 2) * r ** (q - 2) / width ** (2 * (q - 1)) for q in p]
    torch.testing.assert_close(e.value[0], torch.tensor(want).double(), rtol=1e-6, atol=0)


def test_extreme_scores_neither_overflow_nor_underflow():
    x = torch.tensor([[3.0, 4.0]]).double()
    for scale in (1e-170, 1e170):
        e = sphere_flux(lambda z, c=scale: -c * z, x, [1.0, 2.0], radius=1.0, num_directions=4, generator=generator())
        one = sphere_flux(lambda z: -z, x, [1.0, 2.0], radius=1.0, num_directions=4, generator=generator())
        torch.testing.assert_close(
            e.value / torch.tensor([1.0, scale], dtype=torch.float64), one.value, rtol=1e-12, atol=0
        )
    zero = sphere_flux(torch.zeros_like, x, [1.0, 2.0, 3.0], radius=1.0)
    assert (zero.value == 0).all()


def test_the_registry_is_the_public_list():
    assert set(ESTIMATORS) == set(estimators.__all__) - {"ESTIMATORS"}
