"""Estimators against exact values: the paper's triangle, known figures, conventions, chunks, tolerances, bad input."""

import math
from functools import partial

import pytest
import torch

from plaplace import GaussianMixture, estimators
from plaplace.directions import summarise
from plaplace.estimators import ESTIMATORS, autodiff, ball_volume, finite_difference, hutchinson, sphere_flux
from plaplace.estimators._sequential import until
from plaplace.testing import CountedScore, assert_close

POINTWISE = [autodiff, finite_difference, partial(hutchinson, num_probes=8)]
EVERY = {
    "sphere_flux": partial(sphere_flux, radius=0.1, num_directions=16),
    "ball_volume": partial(ball_volume, radius=0.1, num_points=4),
    "autodiff": autodiff,
    "finite_difference": finite_difference,
    "hutchinson": partial(hutchinson, num_probes=3),
}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def triangle():
    """The paper's mixture: three modes on a triangle of side 5, covariance 0.1 I; seven points, three near them."""
    angle = torch.tensor([0.5, 0.5 + 2 / 3, 0.5 + 4 / 3]).double() * math.pi
    means = 5 / math.sqrt(3) * torch.stack([angle.cos(), angle.sin()], 1)
    q = GaussianMixture(torch.full((3,), 1 / 3).double(), means, torch.full((3,), 0.1).double())
    midpoints = (means + means.roll(1, 0)) / 2
    return q, means, midpoints


def eight():
    """A full-covariance mixture in D = 8 and points near it."""
    g = generator(1)
    factors = torch.randn(3, 8, 8, generator=g).double() / 3
    covariances = factors @ factors.transpose(1, 2) + 0.3 * torch.eye(8).double()
    q = GaussianMixture(torch.tensor([0.2, 0.3, 0.5]).double(), torch.randn(3, 8, generator=g).double(), covariances)
    return q, torch.randn(5, 8, generator=g).double() * 1.5


def shaped(q):
    return lambda x: q.score(x.reshape(len(x), -1)).reshape(x.shape)


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


@pytest.mark.parametrize("name", ESTIMATORS)
def test_shapes_dtypes_and_many_p(name):
    q, x = eight()
    x = x.reshape(5, 2, 1, 4)
    for dtype, score in ((torch.float64, shaped(q)), (torch.float32, lambda z: shaped(q)(z.double()).float())):
        seed = {"generator": generator()} if name in ("sphere_flux", "ball_volume", "hutchinson") else {}
        many = EVERY[name](score, x.to(dtype), [1.0, 2.0], **seed)
        assert many.value.shape == many.standard_error.shape == (5, 2)
        assert many.value.dtype == many.standard_error.dtype == dtype
        seed = {"generator": generator()} if seed else {}
        one = EVERY[name](score, x.to(dtype), 1.0, **seed)
        assert one.value.shape == one.standard_error.shape == one.num_nonfinite.shape == (5,)
        torch.testing.assert_close(one.value, many.value[:, 0])
        empty = EVERY[name](score, x[:0].to(dtype), [1.0, 2.0])
        assert empty.value.shape == empty.standard_error.shape == (0, 2)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_half_precision_points_are_accumulated_in_full(name):
    x = torch.ones(2, 4, dtype=torch.bfloat16)
    e = EVERY[name](lambda z: -z, x, 2.0)
    assert e.value.dtype == torch.float32
    assert (e.value + 4).abs().max() < 1.5


@pytest.mark.parametrize("kind", ["frame", "orthonormal"])
def test_float32_sees_the_directions_of_float64(kind):
    q, x = eight()
    run = partial(sphere_flux, p=[1.0, 2.0], radius=0.5, num_directions=32, directions=kind)
    wide = run(q.score, x, generator=generator())
    narrow = run(lambda z: q.score(z.double()).float(), x.float(), generator=generator())
    torch.testing.assert_close(narrow.value.double(), wide.value, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("chunk_size", [1, 3, 16, 10**9])
def test_chunks_change_nothing(name, chunk_size):
    q, x = eight()
    run = partial(EVERY[name], p=[1.0, 3.0])
    seed = {"generator": generator()} if name in ("sphere_flux", "ball_volume", "hutchinson") else {}
    whole = run(q.score, x, **seed)
    seed = {"generator": generator()} if seed else {}
    counted = CountedScore(q.score)
    parts = run(counted, x, chunk_size=chunk_size, **seed)
    torch.testing.assert_close(parts.value, whole.value, rtol=1e-9, atol=0)
    torch.testing.assert_close(parts.standard_error, whole.standard_error, rtol=1e-7, atol=1e-12)
    assert counted.largest_call <= chunk_size
    assert counted.evaluations == 5 * parts.num_evaluations == 5 * whole.num_evaluations


@pytest.mark.parametrize(
    ("name", "many"), [("sphere_flux", "num_directions"), ("ball_volume", "num_points"), ("hutchinson", "num_probes")]
)
def test_one_call_takes_one_number_of_the_generator(name, many):
    after = []
    for number in (2, 8):
        g = generator()
        EVERY[name](lambda z: -z, torch.ones(4, 9).double(), 1.0, generator=g, **{many: number})
        after.append(torch.rand(1, generator=g))
    assert torch.equal(*after)
    torch.manual_seed(3)
    first = EVERY[name](torch.sin, torch.ones(4, 3).double(), 1.0)
    torch.manual_seed(3)
    assert torch.equal(first.value, EVERY[name](torch.sin, torch.ones(4, 3).double(), 1.0).value)


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_non_finite_scores_stay_in_their_row_and_are_counted(name, bad):
    def score(z):
        return torch.where(z[:, :1] > 50, bad, 1.0) * -z

    x = torch.tensor([[1.0, 2.0, 0.5], [99.0, 1.0, 0.0], [0.3, 0.0, -1.0]]).double()
    e = EVERY[name](score, x, [1.0, 2.0])
    assert e.value[1].isnan().all()
    assert e.standard_error[1].isnan().all()
    assert e.value[[0, 2]].isfinite().all()
    assert e.num_nonfinite.tolist()[0::2] == [0, 0]
    assert e.num_nonfinite[1] > 0
    if name in ("sphere_flux", "ball_volume", "finite_difference"):
        assert e.num_nonfinite[1] == e.num_evaluations


def test_an_infinite_score_is_no_infinite_value():
    e = sphere_flux(lambda z: z * math.inf, torch.ones(1, 1), 2.0, radius=0.1, num_directions=1, directions="iid")
    assert e.value.isnan()
    assert e.standard_error.isnan()


def test_a_bad_centre_spoils_the_kind_that_uses_it_and_counts_once():
    def score(z):
        return torch.where(z.abs().sum(1, keepdim=True) == 0, math.inf, -z)

    x = torch.tensor([[0.0, 0.0], [1.0, 0.0]]).double()
    run = partial(sphere_flux, score, x, 2.0, radius=0.1, num_directions=32)
    for options in ({}, {"tolerance": 1.0}):
        e = run(directions="orthonormal", **options)
        assert e.value.isnan().tolist() == [True, False]
        assert e.num_nonfinite.tolist() == [1, 0]
    assert run(directions="frame").value.isfinite().all()


def test_one_bad_probe_is_enough():
    def score(z):
        return torch.where((z[:, :1] > 1.09) & (z[:, 1:2] > -1), math.nan, -1.0) * z

    x = torch.tensor([[1.0, 0.0], [0.0, 0.0]]).double()
    e = sphere_flux(score, x, 2.0, radius=0.1, num_directions=64, generator=generator())
    assert 0 < e.num_nonfinite[0] < 64
    assert e.value[0].isnan()
    assert e.value[1] == pytest.approx(-2)


@pytest.mark.parametrize("kind", ["iid", "antithetic", "frame", "orthonormal", "sobol"])
def test_flux_under_a_tolerance(kind):
    q, x = eight()
    counted = CountedScore(q.score)
    run = partial(sphere_flux, p=[1.0, 2.0], radius=2.0, directions=kind, num_directions=32, max_directions=1024)
    first = run(q.score, x, tolerance=1e9, generator=generator())
    # frames: 8 whole ones of D = 8 rather than 8 pairs of axes
    assert first.num_evaluations.tolist() == [{"frame": 128, "orthonormal": 65}.get(kind, 32)] * 5
    tolerance = 0.7 * first.standard_error.amax(1).median().item()
    e = run(counted, x, tolerance=tolerance, generator=generator())
    assert counted.evaluations == e.num_evaluations.sum()
    assert e.num_evaluations.shape == e.degrees_of_freedom.shape == (5,)
    done = (e.standard_error <= tolerance).all(1)
    assert (done | (e.num_evaluations >= 1024)).all()
    assert e.num_evaluations.unique().numel() > 1
    assert e.interval()[0].shape == (5, 2)
    for i in (0, 4):  # a row depends on itself alone
        alone = run(q.score, x[i : i + 1], tolerance=tolerance, generator=generator(), chunk_size=7)
        torch.testing.assert_close(alone.value[0], e.value[i], rtol=1e-9, atol=0)
        assert alone.num_evaluations[0] == e.num_evaluations[i]


@pytest.mark.parametrize("mode", ["reverse", "forward"])
@pytest.mark.parametrize(("distribution", "method"), [("orthonormal", "tangent"), ("sphere", "plain")])
def test_hutchinson_under_a_tolerance(mode, distribution, method):
    a = torch.linspace(0.5, 2.0, 40).double()
    x = torch.randn(4, 40, generator=generator()).double() * torch.tensor([[0.1], [1.0], [1.0], [3.0]]).double()

    def score(z):
        return -a * z - z**3 / 10

    counted = CountedScore(score)
    run = partial(hutchinson, p=[1.0, 2.0], num_probes=8, distribution=distribution, method=method, mode=mode)
    e = run(counted, x, tolerance=0.9, generator=generator(), max_probes=200)
    assert counted.evaluations == e.num_evaluations.sum()
    exact = autodiff(score, x, [1.0, 2.0]).value
    whole = e.degrees_of_freedom == math.inf
    assert ((e.standard_error <= 0.9).all(1) | (e.num_evaluations >= 3 + 2 * 200)).all()
    assert e.num_evaluations.unique().numel() > 1
    assert ((e.value - exact).abs() <= 5 * e.standard_error + 1e-9).all()
    torch.testing.assert_close(e.value[whole], exact[whole])
    alone = run(score, x[3:], tolerance=0.9, generator=generator(), max_probes=200, chunk_size=1)
    torch.testing.assert_close(alone.value[0], e.value[3])
    assert alone.num_evaluations[0] == e.num_evaluations[3]


@pytest.mark.parametrize("population", [None, 24])
def test_rounds_give_the_summary_of_all_their_blocks(population):
    """Drawing 8 blocks at a time is summarising all of them, row by row up to where each stopped."""
    values = torch.randn(3, 24, 2, generator=generator()).double() * torch.tensor([1.0, 3.0, 30.0])[:, None, None]
    values[2, 20] = math.nan
    start = 0

    def round_of(active):
        nonlocal start
        start += 8
        part = values[active, start - 8 : start]
        return part, (~part.isfinite()).any(-1).sum(1)

    got = until(round_of, 3, 2, 0.8, 3, torch.device("cpu"), population)
    assert got.blocks[2] == 24
    assert got.nonfinite.tolist() == [0, 0, 1]
    assert got.blocks[0] == 8 < got.blocks[1]
    for row in (0, 1):
        n = int(got.blocks[row])
        seen = values[row : row + 1, :n]
        want = summarise(seen, (1,) * n) if population is None else summarise(seen, (n,), population)
        torch.testing.assert_close(got.mean[row], want.mean[0])
        torch.testing.assert_close(got.standard_error[row], want.standard_error[0])
        assert got.rounds[row] == n // 8
        assert (got.standard_error[row] <= 0.8).all()


def test_a_tolerance_ends_at_a_row_without_a_value_and_at_the_cap():
    x = torch.stack([torch.zeros(20), torch.ones(20)]).double()
    a = torch.linspace(1, 9, 20).double()
    for distribution in ("orthonormal", "rademacher"):
        e = hutchinson(
            lambda z: -a * z,
            x,
            1.0,
            num_probes=8,
            distribution=distribution,
            tolerance=1e-9,
            max_probes=16,
            generator=generator(),
        )
        assert e.value[0].isnan()
        assert e.num_evaluations[0] == 3 + 16
    capped = sphere_flux(torch.sin, x, 1.0, radius=1.0, num_directions=32, tolerance=1e-12, max_directions=64)
    assert capped.num_evaluations.tolist() == [64, 64]


class Attention(torch.nn.Module):
    """A small attention network, row by row: what forward mode fails on unless its attention runs in plain form."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.norm = torch.nn.GroupNorm(2, 4)
        self.qkv = torch.nn.Linear(4, 12)
        self.out = torch.nn.Linear(4, 4)

    def forward(self, x):  # (B, 4, 3, 3)
        tokens = self.norm(x).flatten(2).transpose(1, 2)
        q, k, v = self.qkv(tokens)[:, None].chunk(3, -1)  # one head: (B, 1, 9, 4) takes the fused kernel
        mixed = torch.nn.functional.scaled_dot_product_attention(q, k, v)[:, 0]
        return -x + self.out(mixed).transpose(1, 2).reshape(x.shape)


def test_forward_and_reverse_mode_agree_on_attention():
    network, x = Attention().double(), torch.randn(3, 4, 3, 3, generator=generator()).double()
    reverse = autodiff(network, x, [1.0, 2.0])
    for other in (autodiff(network, x, [1.0, 2.0], mode="forward"), finite_difference(network, x, [1.0, 2.0])):
        torch.testing.assert_close(other.value, reverse.value, rtol=1e-7, atol=1e-9)
    assert all(parameter.grad is None for parameter in network.parameters())


def test_scores_without_a_graph_are_refused_in_reverse_mode_only():
    @torch.no_grad()
    def score(z):
        return -(z**3)

    x, weight = torch.ones(2, 3).double(), torch.ones(3).double().requires_grad_()
    for estimator in (autodiff, hutchinson):
        with pytest.raises(ValueError, match=r"score has no graph.*forward.*finite_difference"):
            estimator(score, x, 1.0)
        torch.testing.assert_close(estimator(score, x, 2.0, mode="forward").value, torch.full((2,), -9.0).double())
        with pytest.raises(ValueError, match="graph that does not reach x"):
            estimator(lambda z: z.detach() * weight, x, 1.0)
        with pytest.raises(ValueError, match="no forward-mode derivative"):
            estimator(lambda z: z.detach() * 2, x, 1.0, mode="forward")


def test_energy_scores_that_differentiate_inside_work():
    def score(z):
        with torch.enable_grad():
            z = z if z.requires_grad else z.detach().requires_grad_()
            return torch.autograd.grad(-(z**4).sum() / 4, z, create_graph=True)[0]

    x = torch.tensor([[1.0, 2.0]]).double()
    assert_close(autodiff(score, x, 2.0).value, torch.tensor([-15.0]).double())
    assert sphere_flux(score, x, 2.0, radius=1e-3, num_directions=4).value.item() == pytest.approx(-15, abs=1e-4)


def ok(z):
    return -z


X = torch.ones(2, 4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sphere_flux(ok, X, 0.5, radius=1.0), r"p = 0.5 was given"),
        (lambda: sphere_flux(ok, X, [], radius=1.0), r"p is an empty sequence"),
        (lambda: sphere_flux(ok, X, math.inf, radius=1.0), r"p = inf was given; .*use autodiff"),
        (lambda: ball_volume(ok, X, [1.0, math.inf], radius=1.0), r"p = inf was given"),
        (lambda: sphere_flux(ok, X, 1.0, radius=0.0), r"radius = 0.0 was given; it must be finite and > 0"),
        (lambda: sphere_flux(ok, X, 1.0, radius=math.nan), r"radius = nan was given"),
        (
            lambda: sphere_flux(ok, X, 1.0, radius=1.0, directions="frames"),
            r"directions = 'frames' was given; accepted",
        ),
        (lambda: sphere_flux(ok, X, 1.0, radius=1.0, directions="x", tolerance=1.0), r"directions = 'x' was given"),
        (lambda: sphere_flux(ok, X, 1.0, radius=1.0, num_directions=7), r"num_directions = 7 was given; .*even"),
        (lambda: sphere_flux(ok, X, 1.0, radius=1.0, num_directions=0), r"num_directions = 0 was given; at least 1"),
        (lambda: sphere_flux(ok, X, 1.0, radius=1.0, tolerance=-1.0), r"tolerance = -1.0 was given"),
        (lambda: sphere_flux(ok, X, 1.0, radius=1.0, tolerance=1.0, num_directions=8), r"at least 16 directions"),
        (
            lambda: sphere_flux(ok, X, 1.0, radius=1.0, tolerance=1.0, max_directions=8),
            r"max_directions = 8 was given; it must be at least 64",
        ),
        (lambda: sphere_flux(ok, X, 1.0, radius=1.0, chunk_size=0), r"chunk_size = 0 was given; it must be at least 1"),
        (lambda: sphere_flux(ok, X[0], 1.0, radius=1.0), r"x has shape \(4,\); the points have shape \(B, \*shape\)"),
        (lambda: sphere_flux(ok, X.int(), 1.0, radius=1.0), r"x has dtype torch.int32"),
        (lambda: autodiff(lambda z: z[:, :2], X, 1.0), r"score returned shape \(2, 2\) for points of shape \(2, 4\)"),
        (lambda: autodiff(ok, X, 1.0, eps=-1.0), r"eps = -1.0 was given"),
        (lambda: autodiff(ok, X, 1.0, mode="both"), r"mode = 'both' was given; accepted are 'reverse' and 'forward'"),
        (lambda: finite_difference(ok, X, 1.0, step=0.0), r"step = 0.0 was given"),
        (lambda: ball_volume(ok, X, 1.0, radius=1.0, num_axes=5), r"num_axes = 5 was given; .*1 to 4 axes"),
        (lambda: ball_volume(ok, X, 1.0, radius=1.0, num_points=0), r"num_points = 0 was given"),
        (lambda: hutchinson(ok, X, 1.0, method="slq"), r"method = 'slq' was given; accepted are 'tangent', .*'xtrace'"),
        (lambda: hutchinson(ok, X, 1.0, distribution="cube"), r"distribution = 'cube' was given; accepted are 'ortho"),
        (lambda: hutchinson(ok, X, 1.0, method="xtrace", distribution="orthonormal"), r"must be independent"),
        (lambda: hutchinson(ok, X, 1.0, method="xtrace", num_probes=7), r"num_probes = 7 was given; .*even"),
        (lambda: hutchinson(ok, X, 1.0, method="hutch++", num_probes=2), r"num_probes = 2 was given; .*at least 3"),
        (lambda: hutchinson(ok, X, 1.0, tolerance=1.0, num_probes=4), r"at least 8 probes a round"),
        (lambda: hutchinson(ok, X, 1.0, tolerance=1.0, method="xtrace"), r"it takes the methods 'tangent' and 'plain'"),
    ],
)
def test_bad_input_is_a_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_wrong_types_are_a_sentence():
    with pytest.raises(TypeError, match="x is a ndarray; the points must be a torch tensor"):
        autodiff(ok, X.numpy(), 1.0)
    with pytest.raises(TypeError, match="score = 3 was given; it must be a callable"):
        autodiff(3, X, 1.0)
    with pytest.raises(TypeError, match="score returned NoneType"):
        autodiff(lambda z: None, X, 1.0)
    with pytest.raises(TypeError, match=r"num_probes = 2.5 was given; it must be an integer"):
        hutchinson(ok, X, 1.0, num_probes=2.5)


def test_what_the_error_covers_is_said():
    q, x = eight()
    run = partial(sphere_flux, q.score, x, 1.0, radius=0.1)
    assert "16 frames" in sphere_flux(ok, X[:, :2], 1.0, radius=0.1).covers
    assert "whole frame of D = 8 axes; not what curvature adds" in run(num_directions=16).covers
    assert "4 axes of one frame of D = 8; not what curvature adds" in run(num_directions=8).covers
    assert "no spread" in run(num_directions=2).covers
    assert (run(num_directions=2).standard_error == math.inf).all()
    assert "whole frame of probes gives the trace exactly" in hutchinson(q.score, x, 1.0).covers
    assert "exact" in autodiff(q.score, x, 1.0).covers


def test_the_registry_is_the_public_list():
    assert set(ESTIMATORS) == set(estimators.__all__) - {"ESTIMATORS"}
