"""The fast forms against the difference form, which the certified tables prove: what is trusted must be right."""

import math

import pytest
import torch
import torch.autograd.forward_ad as fwd
from hypothesis import given
from hypothesis import strategies as st

from plaplace import GaussianMixture, LowRank
from plaplace.mixture import evaluator
from plaplace.mixture.fast import evaluation, fused
from tests.conditioning import leaves

DOUBLE = torch.float64
WANTS = ("log_prob", "score", "laplacian", "p_laplacian", "curvatures")
PROMISE = 1e-12


@st.composite
def cases(draw, kinds=("spherical", "diagonal", "full", "low_rank"), dimensions=(2, 3, 4, 6, 9, 20)):
    """Parameters from tame to nasty, and points from modes to far tails."""
    kind = draw(st.sampled_from(kinds))
    k = draw(st.integers(1, 6))
    d = draw(st.sampled_from(dimensions if kind != "low_rank" else [6, 12, 20]))
    g = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    spread, stiff = draw(st.sampled_from([0.0, 0.1, 2.0, 1e3])), draw(st.sampled_from([0.0, 1.0, 6.0]))
    shift, width = draw(st.sampled_from([0.0, 10.0, 1e6])), draw(st.sampled_from([1e-3, 1.0, 1e2]))

    def normal(*shape):
        return torch.randn(*shape, dtype=DOUBLE, generator=g)

    def positive(*shape):
        return width**2 * 10 ** (-stiff * torch.rand(*shape, dtype=DOUBLE, generator=g))

    weights = torch.rand(k, dtype=DOUBLE, generator=g) ** draw(st.sampled_from([1, 300])) + 1e-300
    means = shift + spread * width * normal(k, d)
    if draw(st.booleans()):
        means[-1] = 0  # differences of centred numbers would lose digits here
    if kind == "spherical":
        covariances = positive(k)
    elif kind == "diagonal":
        covariances = positive(k, d)
    elif kind == "full":
        rotation = torch.linalg.qr(normal(k, d, d)).Q
        covariances = (rotation * positive(k, 1, d)) @ rotation.mT
        covariances = (covariances + covariances.mT) / 2
    else:
        covariances = LowRank(positive(k), width * normal(k, d, 3))
    distance = draw(st.sampled_from([0.0, 1e-6, 1.0, 1.0, 30.0, 1e6]))
    x = means[torch.randint(k, (5,), generator=g)] + distance * width * normal(5, d)
    return (weights / weights.sum(), means, covariances), x


def condition(parameters, x, function):
    """The componentwise one, `sum_j |a_j dv/da_j|` over all inputs, a row of x."""
    tensors, sums = leaves(*parameters), []
    for row in x:
        inputs = [row[None].detach().clone().requires_grad_(), *tensors]
        rest = inputs[3:]
        q = GaussianMixture(inputs[1], inputs[2], LowRank(*rest).dense() if len(rest) == 2 else rest[0])
        gradients = torch.autograd.grad(function(q, inputs[0]).sum(), inputs, allow_unused=True)
        sums.append(
            sum(float((g * a).detach().abs().sum()) for g, a in zip(gradients, inputs, strict=True) if g is not None)
        )
    return torch.tensor(sums, dtype=DOUBLE)


def centred(values, x):
    form = values._form("p_laplacian")
    return x - values._centre if form is not None and form.centred and values._centre is not None else x


def norm(q, x):
    return q.score(x).norm(dim=-1)


VALUES = {
    "log_prob": lambda q, x: q.log_prob(x),
    "norm": norm,
    "tangential": lambda q, x: q.curvatures(x).tangential,
    "normal": lambda q, x: q.curvatures(x).normal,
}


def assert_within_promise(parameters, x, wants, fast, careful):
    """What a fast evaluation trusts, against the one by differences."""
    for name, function in VALUES.items():
        got, want = getattr(fast, name), getattr(careful, name)
        if got is None or want is None or not fast.trusted.any():
            continue
        if wants == "laplacian" and name == "tangential":
            function = lambda q, z: q.laplacian(z)  # noqa: E731
        limit = PROMISE * (want.abs() + condition(parameters, x, function))
        wrong = (got - want).abs() > limit
        assert not bool((wrong & fast.trusted).any()), f"{name}: {got}, by differences {want}, limit {limit}"


@given(cases(), st.sampled_from(WANTS))
def test_what_is_trusted_is_within_the_promise(case, wants):
    parameters, x = case
    values = GaussianMixture(*parameters)._evaluator
    form = values._form(wants)
    if form is None:
        return
    check(parameters, x, wants, form.evaluate(centred(values, x), wants))


@given(cases(("spherical", "diagonal", "full"), (2, 3, 4)), st.sampled_from(WANTS), st.booleans())
def test_what_the_fused_form_trusts_is_within_the_promise(case, wants, written_out):
    parameters, x = case
    q = GaussianMixture(*parameters)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fused, "_WRITTEN_OUT", 1000 if written_out else 0)
        form = fused.FastFused(q.weights.log(), q.means, q._structure, lambda kernel, key: kernel)
    check(parameters, x, wants, form.evaluate(x, wants))


def check(parameters, x, wants, fast):
    careful = GaussianMixture(*parameters)._evaluator._carefully(x, wants)
    assert_within_promise(parameters, x, wants, fast, careful)


@pytest.mark.parametrize("kind", ["spherical", "spherical wide", "diagonal", "full", "full 40", "full 100", "low_rank"])
def test_ordinary_points_are_trusted_and_the_others_made_good(kind, monkeypatch):
    g = torch.Generator().manual_seed(0)
    k, d = 5, {"spherical": 3, "full": 3, "full 40": 40, "full 100": 100, "low_rank": 30}.get(kind, 12)
    means = 2 * torch.randn(k, d, dtype=DOUBLE, generator=g)
    covariances = {
        "spherical": torch.ones(k),
        "spherical wide": torch.ones(k),
        "diagonal": 0.5 + torch.rand(k, d, dtype=DOUBLE, generator=g),
        "low_rank": LowRank(torch.ones(k), torch.randn(k, d, 4, dtype=DOUBLE, generator=g)),
    }.get(kind, torch.eye(d, dtype=DOUBLE).expand(k, d, d) * 0.7)
    q = GaussianMixture(torch.full((k,), 1 / k, dtype=DOUBLE), means, covariances)
    x = torch.cat([q.sample(200, g), means[:2], means[:2] + 1e7])
    values = q._evaluator
    careful = {wants: values._carefully(x, wants) for wants in WANTS}
    asked = []
    monkeypatch.setattr(
        evaluator.Evaluator,
        "_carefully",
        lambda self, rows, wants: (
            asked.append(len(rows))
            or careful[wants].__class__(
                *(
                    None if c is None else c[[int((x == row).all(1).nonzero()[0]) for row in rows]]
                    for c in careful[wants]
                )
            )
        ),
    )
    for wants in WANTS:
        asked.clear()
        got = values.evaluate(x, wants)
        assert sum(asked) <= 10, f"{kind}, {wants}: {asked} of {len(x)} points were evaluated by differences"
        for name, column in zip(evaluation.Evaluation._fields, got, strict=True):
            want = getattr(careful[wants], name)
            if column is not None and name != "trusted":
                torch.testing.assert_close(column, want, rtol=1e-9, atol=1e-11, equal_nan=True)


def test_rows_that_are_not_finite_do_not_spoil_the_others():
    q = GaussianMixture(torch.ones(1), torch.zeros(1, 3), torch.ones(1))
    x = torch.tensor([[1.0, 0.0, 0.0], [math.nan, 0.0, 0.0], [math.inf, 0.0, 0.0]])
    values = q.p_laplacian(x, [1.0, 2.0])
    torch.testing.assert_close(values[0], torch.tensor([-2.0, -3.0]))
    assert values[1].isnan().all()


def test_the_bound_is_needed():
    """Two components far from their centre: the expansion is wrong there, and says so."""
    means = torch.tensor([[1e4] * 9, [-1e4] * 9], dtype=DOUBLE) / 3
    q = GaussianMixture(torch.tensor([0.5, 0.5], dtype=DOUBLE), means, torch.ones(2))
    x, values = means[:1] + 0.1, q._evaluator
    fast, careful = values._form("curvatures").evaluate(x, "curvatures"), values._carefully(x, "curvatures")
    assert not bool(fast.trusted.any())
    assert abs(float(fast.tangential / careful.tangential) - 1) > 10 * PROMISE


@pytest.mark.parametrize("kind", ["full", "low_rank"])
def test_differences_are_of_the_numbers_given_not_of_centred_ones(kind):
    """One mean at 0 and x near it, the other 1e8 away: the centre would take x's digits with it."""
    g = torch.Generator().manual_seed(0)
    means = torch.cat([torch.full((1, 6), 1e8, dtype=DOUBLE), torch.zeros(1, 6, dtype=DOUBLE)])
    rotation = torch.linalg.qr(torch.randn(2, 6, 6, dtype=DOUBLE, generator=g)).Q
    full = (rotation * torch.logspace(0, 4, 6, dtype=DOUBLE)) @ rotation.mT
    low = LowRank(torch.ones(2, dtype=DOUBLE), torch.randn(2, 6, 2, dtype=DOUBLE, generator=g))
    parameters = torch.tensor([0.6, 0.4], dtype=DOUBLE), means, (full + full.mT) / 2 if kind == "full" else low
    x = 0.1 * torch.randn(20, 6, dtype=DOUBLE, generator=g)
    values = GaussianMixture(*parameters)._evaluator
    got, want = values._form("log_prob").evaluate(centred(values, x), "log_prob"), values._carefully(x, "log_prob")
    limit = PROMISE * (want.log_prob.abs() + condition(parameters, x, VALUES["log_prob"]))
    assert bool(((got.log_prob - want.log_prob).abs()[got.trusted] <= limit[got.trusted]).all())


@pytest.mark.parametrize("kind", ["spherical", "diagonal"])
def test_equal_terms_that_all_round_one_way(kind):
    """Constant vectors in many dimensions: the rounding of a sum of D equal terms grows with D."""
    d = 3072
    means = torch.stack([torch.full((d,), 8.8, dtype=DOUBLE), torch.full((d,), -8.0, dtype=DOUBLE)])
    covariances = torch.full((2, d) if kind == "diagonal" else (2,), 1 / 3, dtype=DOUBLE)
    weights = torch.tensor([0.5, 0.5], dtype=DOUBLE)
    values, x = GaussianMixture(weights, means, covariances)._evaluator, means[:1] + 1
    got = values._form("laplacian").evaluate(centred(values, x), "laplacian")
    want = -3.0 * d  # one component has all the weight
    assert not bool(got.trusted) or abs(float(got.tangential) / want - 1) <= PROMISE


@pytest.mark.parametrize("dtype", [DOUBLE, torch.float32])
@pytest.mark.parametrize("d", [1025, 100_000])
def test_many_dimensions_cost_neither_trust_nor_digits(d, dtype):
    """Constant vectors again, near each other: added up one after another, 10^5 terms would not be trusted."""
    means = torch.stack([torch.full((d,), 1.0625, dtype=dtype), torch.full((d,), -1.05, dtype=dtype)])
    q = GaussianMixture(torch.tensor([0.5, 0.5], dtype=dtype), means, torch.full((2,), 0.25, dtype=dtype))
    values, x = q._evaluator, means[:1] + 1  # exact, and with precision 4: |s| = 4 sqrt(D), n'Hn = -4
    got = values._form("p_laplacian").evaluate(centred(values, x), "p_laplacian")
    assert bool(got.trusted.all())
    limit = PROMISE / torch.finfo(DOUBLE).eps * torch.finfo(dtype).eps
    wanted = {"norm": 4 * math.sqrt(d), "normal": -4.0, "tangential": -4.0 * (d - 1)}
    for name, want in wanted.items():
        error = abs(float(getattr(got, name)) / want - 1)
        assert error <= limit, f"{name}: {getattr(got, name)}, want {want}, relative error {error} above {limit}"


@pytest.mark.parametrize("wide", [False, True])
def test_a_weight_of_zero_costs_no_trust(wide):
    g = torch.Generator().manual_seed(0)
    means = torch.randn(3, 5 if wide else 2, dtype=DOUBLE, generator=g)
    weights = torch.tensor([0.5, 0.0, 0.5], dtype=DOUBLE)
    q = GaussianMixture(weights, means, torch.ones(3))
    x, some = q.sample(50, g), torch.tensor([0, 2])
    got = q._evaluator._form("p_laplacian").evaluate(x, "p_laplacian")
    assert bool(got.trusted.all())
    without = GaussianMixture(weights[some], means[some], torch.ones(2))
    torch.testing.assert_close(q.p_laplacian(x, [1.0, 3.0]), without.p_laplacian(x, [1.0, 3.0]))


def test_tangents_of_parameters_are_followed():
    g = torch.Generator().manual_seed(0)
    means, tangent = torch.randn(2, 3, 2, dtype=DOUBLE, generator=g)
    weights, x = torch.full((3,), 1 / 3, dtype=DOUBLE), torch.randn(40, 2, dtype=DOUBLE, generator=g)

    def value(where):
        return GaussianMixture(weights, where, torch.ones(3)).laplacian(x)

    with fwd.dual_level():
        found = fwd.unpack_dual(value(fwd.make_dual(means, tangent))).tangent
    step = 1e-6
    wanted = (value(means + step * tangent) - value(means - step * tangent)) / (2 * step)
    assert found is not None
    torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-7)
