"""Components are left out only where they cannot matter, and what is left stays within the promise."""

import math

import pytest
import torch
from hypothesis import given, reject
from hypothesis import strategies as st

from plaplace import GaussianMixture, LowRank
from plaplace.mixture.fast.low_rank import FastLowRank, Projected
from plaplace.mixture.fast.pairs import ByPairs
from plaplace.mixture.fast.screened import Screened
from tests.properties.test_fast_forms import PROMISE, WANTS, assert_within_promise

DOUBLE = torch.float64


@st.composite
def cases(draw, kinds=("full", "low_rank")):
    """Enough components and dimensions for a screen; separated or not, stiff or not, points near, between and far."""
    kind = draw(st.sampled_from(kinds))
    k, d = draw(st.sampled_from([8, 13])), draw(st.sampled_from([44, 60]))
    g = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    spread, stiff = draw(st.sampled_from([0.0, 0.1, 2.0, 1e3])), draw(st.sampled_from([0.0, 1.0, 6.0, 13.0]))
    shift = draw(st.sampled_from([0.0, 10.0, 1e6]))

    def normal(*shape):
        return torch.randn(*shape, dtype=DOUBLE, generator=g)

    def positive(*shape):
        return 10 ** (-stiff * torch.rand(*shape, dtype=DOUBLE, generator=g))

    weights = torch.rand(k, dtype=DOUBLE, generator=g) ** draw(st.sampled_from([1, 300])) + 1e-300
    means = shift + spread * normal(k, d)
    if kind == "full":
        rotation = torch.linalg.qr(normal(k, d, d)).Q
        covariances = (rotation * positive(k, 1, d)) @ rotation.mT
        covariances = (covariances + covariances.mT) / 2
    else:
        covariances = LowRank(positive(k), normal(k, d, 3))
    i, j = torch.randint(k, (2, 40), generator=g)
    between = draw(st.sampled_from([0.0, 0.5]))  # 0.5: half way to another mean
    distance = draw(st.sampled_from([0.0, 1e-6, 1.0, 1.0, 30.0, 1e6]))
    x = (1 - between) * means[i] + between * means[j] + distance * normal(40, d)
    return (weights / weights.sum(), means, covariances), x


def form_of(q):
    form = q._evaluator._form("p_laplacian")
    assert isinstance(form, Screened)
    return form


def exponents(q, x):
    """`log w_k N(x; mu_k, Sigma_k)`, (K, N), by differences."""
    quadratic = q._structure.solve(x - q.means[:, None])[1]
    constant = q._weights64.log() - q._structure.log_det.double() / 2 - q.dimension * math.log(2 * math.pi) / 2
    return constant[:, None] - quadratic / 2


@given(cases(), st.sampled_from([DOUBLE, torch.float32]))
def test_bounds_are_above_the_exponents(case, dtype):
    (weights, means, covariances), x = case
    weights = weights.clamp(min=1e-30) / weights.clamp(min=1e-30).sum()  # float32 has no 1e-300
    if dtype == torch.float32:
        low = isinstance(covariances, LowRank)
        covariances = (
            LowRank(covariances.isotropic.float(), covariances.factors.float()) if low else covariances.float()
        )
    try:
        q = GaussianMixture(weights.to(dtype), means.to(dtype), covariances)
    except ValueError:  # rounded to float32 a stiff matrix need not be positive definite
        reject()
    x = x.to(dtype)
    form = form_of(q)
    bounds = form._screen.bounds(form._centred(x)).double()
    exact = exponents(GaussianMixture(q.weights.double(), q.means.double(), covariances_of(q)), x.double())
    # the rounding of the bound as it is written down, and of the exponents by differences
    allowed = 64 * (torch.finfo(dtype).eps * bounds.abs() + torch.finfo(DOUBLE).eps * exact.abs())
    below = exact - bounds - allowed
    assert not bool((below > 0).any()), f"{dtype}: a bound is {float(below.max())} below its exponent"


def covariances_of(q):
    s = q._structure
    return LowRank(s.isotropic, s.factors) if hasattr(s, "factors") else s.matrices


@given(cases())
def test_what_is_left_out_has_no_weight(case):
    q, x = GaussianMixture(*case[0]), case[1]
    found = form_of(q)._possible(x)
    exact = exponents(q, x)
    kept = found.others.clone()
    for i, rows, _ in found.near:
        kept[i, rows] = True
    share = (exact - exact.amax(0)).exp().masked_fill(kept, 0)
    limit = 1.01 * torch.finfo(DOUBLE).eps ** 2
    assert float(share.max()) <= limit, f"a component of weight {float(share.max())} was left out, at most {limit}"


@given(cases(), st.sampled_from(WANTS), st.booleans())
def test_pairs_are_within_the_promise(case, wants, in_parts):
    """By pairs whatever the screen leaves, at once and in parts."""
    parameters, x = case
    x = x[:5]
    q = GaussianMixture(*parameters)
    form = form_of(q)
    possible = form._possible(x)
    if in_parts:
        parts = [form._pairs.evaluate(x[slice(*cut)], wants, possible.part(*cut)) for cut in ((0, 2), (2, 5))]
        fast = parts[0].__class__(*(None if c[0] is None else torch.cat(c) for c in zip(*parts, strict=True)))
    else:
        fast = form._pairs.evaluate(x, wants, possible)
    careful = q._evaluator._carefully(x, wants)
    assert_within_promise(parameters, x, wants, fast, careful)


def separated(kind, apart, number=10, dimension=48, seed=0):
    g = torch.Generator().manual_seed(seed)
    means = apart * torch.randn(number, dimension, dtype=DOUBLE, generator=g)
    factors = torch.randn(number, dimension, 4 if kind == "low_rank" else dimension, dtype=DOUBLE, generator=g)
    if kind == "low_rank":
        covariances = LowRank(torch.ones(number, dtype=DOUBLE), factors)
    else:
        covariances = factors @ factors.mT / dimension + 0.5 * torch.eye(dimension, dtype=DOUBLE)
    q = GaussianMixture(torch.full((number,), 1 / number, dtype=DOUBLE), means, covariances)
    return q, q.sample(300, g)


@pytest.mark.parametrize("kind", ["full", "low_rank"])
def test_components_that_are_apart_are_told_apart(kind):
    """Nearly nothing is looked at twice, and points by pairs are trusted."""
    q, x = separated(kind, 4.0)
    form = form_of(q)
    possible = form._possible(x)
    assert float(possible.others.double().mean()) < 0.02
    assert bool(form._pairs.evaluate(x, "curvatures", possible).trusted.all())


@pytest.mark.parametrize("kind", ["full", "low_rank"])
@pytest.mark.parametrize(("apart", "by_pairs"), [(4.0, True), (0.0, False)])
def test_the_sample_decides_who_evaluates(kind, apart, by_pairs, monkeypatch):
    q, x = separated(kind, apart)
    asked = []
    pairs = ByPairs.evaluate
    monkeypatch.setattr(
        ByPairs,
        "evaluate",
        lambda self, y, wants, possible=None: (asked.append(possible), pairs(self, y, wants, possible))[1],
    )
    q.p_laplacian(x, 1.0)
    assert any(possible is not None for possible in asked) == by_pairs


def test_a_block_of_both_kinds_of_points_in_parts(monkeypatch):
    """Every twentieth point where all components meet, among points of single ones; cut into parts by their pairs."""
    q, x = separated("full", 4.0)
    x[10::20] = 0.02 * x[10::20]
    whole = q.p_laplacian(x, [1.0, 3.0])
    monkeypatch.setattr("plaplace.mixture.fast.screened.KEPT", 48 * 25)
    parts = q.p_laplacian(x, [1.0, 3.0])
    careful = q._evaluator._carefully(x, "p_laplacian")
    torch.testing.assert_close(parts, whole, rtol=1e-12, atol=0)
    torch.testing.assert_close(whole[:, 0], careful.tangential / careful.norm, rtol=1e-11, atol=0)


def test_rows_that_are_not_finite_spoil_no_others():
    q, x = separated("full", 4.0)
    want = q.p_laplacian(x, 1.0)
    x[3, 5], x[7, 0] = math.nan, math.inf
    got = q.p_laplacian(x, 1.0)
    assert got[[3, 7]].isnan().all()
    rest = [i for i in range(300) if i not in (3, 7)]
    torch.testing.assert_close(got[rest], want[rest], rtol=1e-12, atol=0)


def test_beside_a_critical_point_what_was_left_out_is_seen():
    """At 1e-33 from the mean of the nearest component a component of weight 1e-34 is as much of the score."""
    means = torch.zeros(8, 44, dtype=DOUBLE)
    means[1, 0], means[2:, 1] = 12.5, 100.0
    q = GaussianMixture(torch.full((8,), 1 / 8, dtype=DOUBLE), means, torch.eye(44, dtype=DOUBLE).expand(8, 44, 44))
    x = torch.zeros(1, 44, dtype=DOUBLE)
    x[0, 0] = 1e-33
    form = form_of(q)
    found = form._pairs.evaluate(x, "score", form._possible(x))
    want = q._evaluator._carefully(x, "score").score
    assert not torch.allclose(found.score, want, rtol=1e-3, atol=0)  # the premise: it was left out
    assert not bool(found.trusted)
    torch.testing.assert_close(q.score(x), want, rtol=1e-12, atol=0)


@pytest.mark.parametrize("isotropic", [1.0, 1e-9])
@pytest.mark.parametrize("rank", [3, 40])
def test_the_maps_of_low_rank_are_those_of_the_structure(isotropic, rank):
    g = torch.Generator().manual_seed(0)
    factors = torch.randn(1, 40, rank, dtype=DOUBLE, generator=g)
    structure = LowRank(torch.tensor([isotropic], dtype=DOUBLE), factors)
    x = torch.randn(20, rank, dtype=DOUBLE, generator=g) @ factors[0].mT + isotropic
    maps = Projected(structure)
    white = maps.whiten(0, x)
    solved, form = structure.solve(x[None])
    torch.testing.assert_close(white.square().sum(-1), form[0], rtol=1e-12, atol=0)
    rounding = 1e-15 * float(x.norm(dim=-1).max()) / isotropic * (rank < 40)  # of the residual outside the span
    torch.testing.assert_close(-maps.back(0, white), solved[0], rtol=1e-12, atol=rounding)


@pytest.mark.parametrize("isotropic", [1e-13, 1e-16, 1e-20, 1e-30])
def test_a_marginal_that_is_singular_to_rounding_bounds_nothing(isotropic):
    g = torch.Generator().manual_seed(0)
    means, factors = torch.randn(8, 60, dtype=DOUBLE, generator=g), torch.randn(8, 60, 3, dtype=DOUBLE, generator=g)
    weights = torch.full((8,), 1 / 8, dtype=DOUBLE)
    q = GaussianMixture(weights, means, LowRank(torch.full((8,), isotropic, dtype=DOUBLE), factors))
    got, careful = q._evaluator.evaluate(means, "log_prob"), q._evaluator._carefully(means, "log_prob")
    torch.testing.assert_close(got.log_prob, careful.log_prob, rtol=1e-12, atol=0)


@pytest.mark.parametrize("wide", [1e8, 1e12])
def test_what_was_left_out_may_be_seen_in_the_normal_curvature_alone(wide):
    """Variance `wide` along n: n'Hn = -1/wide beside tr H = -43, where a narrow component of weight 1e-33 shows."""
    number, dimension, narrow = 9, 44, 1e-7
    covariances = torch.eye(dimension, dtype=DOUBLE).repeat(number, 1, 1)
    covariances[0, 0, 0] = wide
    covariances[1] *= narrow**2
    means = torch.zeros(number, dimension, dtype=DOUBLE)
    means[0, 0] = -0.5 * wide**0.5
    means[2:, 1] = 1e6 * torch.arange(1, number - 1)
    q = GaussianMixture(torch.full((number,), 1 / number, dtype=DOUBLE), means, covariances)
    x = torch.zeros(200, dimension, dtype=DOUBLE)  # where the narrow component has weights e^-150 to e^-60
    level = -dimension * math.log(narrow) + 0.5 * math.log(wide) + 0.125
    x[:, 0] = narrow * (2 * (level - torch.linspace(-150, -60, 200, dtype=DOUBLE))).sqrt()
    got, want = q.curvatures(x), q._evaluator._carefully(x, "curvatures")
    torch.testing.assert_close(got.normal, want.normal, rtol=1e-10, atol=0)


def test_a_trace_far_above_its_tangential_part_is_not_trusted():
    """Flat along n: tr P - n'P n subtracts 1e10 from 1e10 and 43."""
    covariances = torch.eye(44, dtype=DOUBLE).repeat(8, 1, 1)
    covariances[:, 0, 0] = 1e-10
    means = torch.zeros(8, 44, dtype=DOUBLE)
    means[:, 1] = 100.0 * torch.arange(8)
    q = GaussianMixture(torch.full((8,), 1 / 8, dtype=DOUBLE), means, covariances)
    x = means.clone()
    x[:, 0] = 1e-5
    form = form_of(q)
    assert not bool(form._pairs.evaluate(x, "p_laplacian", form._possible(x)).trusted.any())
    torch.testing.assert_close(q.curvatures(x).tangential, torch.full((8,), -43.0, dtype=DOUBLE), rtol=1e-10, atol=0)


@pytest.mark.parametrize(("isotropic", "kind"), [(1.0, FastLowRank), (1e-4, ByPairs)])
def test_stretched_low_rank_covariances_go_by_pairs(isotropic, kind):
    """What the expansion would lose of them is more than it may, and every point would be evaluated twice."""
    g = torch.Generator().manual_seed(0)
    covariances = LowRank(torch.full((5,), isotropic, dtype=DOUBLE), torch.randn(5, 100, 5, dtype=DOUBLE, generator=g))
    weights = torch.full((5,), 1 / 5, dtype=DOUBLE)
    q = GaussianMixture(weights, torch.randn(5, 100, dtype=DOUBLE, generator=g), covariances)
    form, x = q._evaluator._form("p_laplacian"), q.sample(100, g)
    assert isinstance(form, kind)
    assert bool(form.evaluate(x, "p_laplacian").trusted.all())


def test_along_its_span_a_low_rank_expansion_is_not_trusted():
    """`|d|^2/v` cancels against what the span takes of it: an exact 0.045 as a difference of 5e9."""
    factors = torch.zeros(1, 6, 1, dtype=DOUBLE)
    factors[0, 0] = 1.0
    covariances, mean = LowRank(torch.tensor([1e-11], dtype=DOUBLE), factors), torch.zeros(1, 6, dtype=DOUBLE)
    x = torch.tensor([[0.3, 0, 0, 0, 0, 0], [0.7, 0, 0, 0, 0, 0]], dtype=DOUBLE)
    found = FastLowRank(torch.zeros(1, dtype=DOUBLE), mean, covariances).evaluate(x, "log_prob")
    exact = -0.5 * (x[:, 0].square() + covariances.log_det + 6 * math.log(2 * math.pi))
    assert float(((found.log_prob - exact) / exact).abs().max()) > PROMISE
    assert not bool(found.trusted.any())


@st.composite
def stretched(draw):
    """Low-rank covariances much wider along their spans than beside them, some of them along the axes."""
    k, d, rank = draw(st.sampled_from([(1, 6, 1), (2, 12, 3), (3, 30, 10), (2, 6, 6)]))
    g = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    isotropic = 10.0 ** -draw(st.sampled_from([2, 4, 6, 8]))
    factors = torch.randn(k, d, rank, dtype=DOUBLE, generator=g)
    if draw(st.booleans()):
        factors = torch.eye(d, rank, dtype=DOUBLE).repeat(k, 1, 1) * (
            1 + torch.rand(k, 1, rank, dtype=DOUBLE, generator=g)
        )
    means = draw(st.sampled_from([0.0, 1e-3, 1.0])) * torch.randn(k, d, dtype=DOUBLE, generator=g)
    along = torch.randn(8, rank, dtype=DOUBLE, generator=g) * draw(st.sampled_from([0.1, 1.0, 30.0]))
    beside = (
        isotropic**0.5 * draw(st.sampled_from([0.0, 1.0, 30.0, 1e3])) * torch.randn(8, d, dtype=DOUBLE, generator=g)
    )
    x = means[:1] + along @ factors[0].mT + beside
    return (
        torch.full((k,), 1 / k, dtype=DOUBLE),
        means,
        LowRank(torch.full((k,), isotropic, dtype=DOUBLE), factors),
    ), x


@given(stretched(), st.sampled_from(WANTS))
def test_what_the_low_rank_expansion_trusts_is_within_the_promise(case, wants):
    parameters, x = case
    q = GaussianMixture(*parameters)
    fast = FastLowRank(q._weights64.log(), q._means64, q._structure).evaluate(x, wants)
    assert_within_promise(parameters, x, wants, fast, q._evaluator._carefully(x, wants))
