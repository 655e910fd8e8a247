"""GaussianMixture: construction, errors, hard places, memory, devices. Values: test_reference.py and properties/."""

import math
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch

from plaplace import GaussianMixture, LowRank

DOUBLE = torch.float64


def two(means=((0.0, 0.0), (1.0, 0.0)), weights=(0.5, 0.5), covariances=(1.0, 1.0)):
    return GaussianMixture(*(torch.tensor(given, dtype=DOUBLE) for given in (weights, means, covariances)))


ONE, ZERO, I2 = torch.ones(1), torch.zeros(1, 2), torch.eye(2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((torch.tensor([0.5, -0.5]), torch.zeros(2, 2), torch.ones(2)), "weight 1 is -0.5"),
        ((torch.tensor([0.5, 0.4]), torch.zeros(2, 2), torch.ones(2)), "sum to 0.9"),
        ((torch.tensor([math.nan]), ZERO, ONE), "weight 0 is nan"),
        ((torch.ones(2) / 2, ZERO, ONE), r"weights of shape \(2,\) beside 1 means"),
        ((ONE, torch.full((1, 2), math.nan), ONE), r"means has a NaN or infinite entry at \[0, 0\]"),
        ((ONE, torch.zeros(2), ONE), r"means of shape \(2,\) were given; accepted is \(K, D\)"),
        ((ONE, ZERO, -ONE), r"variances at \[0\] is -1; variances must be > 0"),
        ((ONE, ZERO, torch.tensor([[1.0, 0.0]])), r"variances at \[0, 1\] is 0"),
        ((ONE, ZERO, torch.tensor([math.inf])), "covariances has a NaN or infinite entry"),
        (
            (ONE, ZERO, torch.ones(3)),
            r"covariances of shape \(3,\).*accepted are variances \(K,\) or \(K, D\), matrices",
        ),
        ((ONE, ZERO, torch.tensor([[[1.0, 2.0], [2.0, 1.0]]])), "covariance 0 is not positive definite: .* -1"),
        ((ONE, ZERO, torch.tensor([[[1.0, 0.5], [0.0, 1.0]]])), "covariance 0 is not symmetric"),
        ((ONE, ZERO, LowRank(-ONE, torch.zeros(1, 2, 1))), r"LowRank.isotropic at \[0\] is -1"),
        ((ONE, ZERO, LowRank(ONE, torch.zeros(1, 3, 1))), r"LowRank factors have shape \(1, 3, 1\)"),
        ((ONE, ZERO, LowRank(ONE, torch.full((1, 2, 1), math.nan))), "LowRank.factors has a NaN"),
    ],
)
def test_bad_construction(arguments, message):
    with pytest.raises(ValueError, match=message):
        GaussianMixture(*arguments)


def test_low_rank_shapes():
    with pytest.raises(ValueError, match=r"accepted are \(K,\) and \(K, D, R\)"):
        LowRank(torch.ones(2), torch.zeros(1, 2, 1))


def test_integers_are_no_mixture():
    with pytest.raises(TypeError, match=r"means has data type torch.int64; accepted are float32 and float64"):
        GaussianMixture(ONE, torch.zeros(1, 2, dtype=torch.int64), ONE)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda q, x: q.score(x[0]), r"x of shape \(2,\) was given; accepted is \(B, D\) with D = 2"),
        (lambda q, x: q.p_laplacian(x, 0.9), "p = 0.9 was given"),
        (lambda q, x: q.directional_curvature(x, x[:0]), r"v of shape \(0, 2\) beside x of shape \(1, 2\)"),
        (lambda q, x: q.posterior_covariance(x, x[:, :1], 1.0, 1.0), r"v of shape \(1, 1\)"),
        (lambda q, x: q.noised(-1.0, 1.0), "alpha = -1.0 was given"),
        (lambda q, x: q.ball_mean(x, 1.0, 0.0), "radius = 0.0 was given"),
        (lambda q, x: q.ball_mean(x, math.inf, 1.0), "p = inf was given"),
        (lambda q, x: GaussianMixture.kernel_density(x, 0.0), "bandwidth = 0.0 was given"),
        (lambda q, x: GaussianMixture.kernel_density(x[0], 1.0), r"x of shape \(2,\) was given; accepted is \(N, D\)"),
        (lambda q, x: GaussianMixture.mix([]), "mix got no parts"),
        (lambda q, x: GaussianMixture.mix([(0.5, q), (0.4, q)]), "sum to 0.9"),
        (lambda q, x: GaussianMixture.fit(x, 2), "1 <= num_components <= N"),
        (lambda q, x: GaussianMixture.fit(x, 1, covariance="tied"), "'tied' was given; accepted are"),
    ],
)
def test_bad_calls(call, message):
    pytest.importorskip("sklearn")
    with pytest.raises(ValueError, match=message):
        call(two(), torch.zeros(1, 2, dtype=DOUBLE))


def test_mixing_dimensions():
    one = GaussianMixture(ONE, torch.zeros(1, 1), ONE)
    with pytest.raises(ValueError, match=r"mixtures of dimensions \[1, 2\]"):
        GaussianMixture.mix([(0.5, one), (0.5, GaussianMixture(ONE, ZERO, ONE))])


def test_critical_point_of_the_mixture():
    """The midpoint of two equal components: s = 0 exactly; H = diag(1/4 - 1, -1) with means one apart."""
    q, x = two(), torch.tensor([[0.5, 0.0]], dtype=DOUBLE)
    assert q.score(x).tolist() == [[0.0, 0.0]]
    values = q.p_laplacian(x, [1.0, 1.5, 2.0, 3.0, math.inf])[0].tolist()
    assert [math.isnan(value) for value in values] == [True, True, False, False, True]
    assert values[2] == pytest.approx(-1.75, rel=1e-14)
    assert values[3] == 0.0
    regularised = q.p_laplacian(x, [1.0, 1.5, 2.0, 3.0], eps=0.1)[0].tolist()
    assert regularised == pytest.approx([-1.75 * 0.1 ** (p - 2) for p in (1.0, 1.5, 2.0, 3.0)], rel=1e-13)


@pytest.mark.parametrize("widths", [1e2, 1e4, 1e6, 1e9])
@pytest.mark.parametrize("kind", ["spherical", "diagonal", "full", "low_rank"])
def test_far_tails_keep_their_digits(kind, widths):
    """Two components far away: tr H = -D exactly in the limit, where the naive E s s' - s s' has lost everything."""
    d = 3
    covariances = {
        "spherical": torch.ones(2),
        "diagonal": torch.ones(2, d),
        "full": torch.eye(d).expand(2, d, d),
        "low_rank": LowRank(torch.ones(2), torch.zeros(2, d, 1)),
    }[kind]
    means = torch.tensor([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]], dtype=DOUBLE)
    q = GaussianMixture(
        torch.tensor([0.5, 0.5], dtype=DOUBLE), means, covariances.double() if kind != "low_rank" else covariances
    )
    x = widths * torch.tensor([[1.0, 2.0, -3.0]], dtype=DOUBLE)
    assert q.laplacian(x).item() == pytest.approx(-3.0, rel=1e-13)
    assert q.p_laplacian(x, 1.0).item() * q.score(x).norm().item() == pytest.approx(-2.0, rel=1e-12)


@pytest.mark.parametrize("scale", [1e-150, 1e-100, 1e-30, 1e30, 1e100, 1e150])
def test_scores_of_any_size(scale):
    """One Gaussian with |s| = scale at distance 2 of width w = 1: through the width, x -> a x gives a^-p."""
    a = 1 / scale
    q = GaussianMixture(
        torch.ones(1, dtype=DOUBLE), torch.zeros(1, 3, dtype=DOUBLE), torch.tensor([a * a], dtype=DOUBLE)
    )
    x = torch.tensor([[a, 0.0, 0.0]], dtype=DOUBLE)
    assert q.score(x).norm().item() == pytest.approx(scale, rel=1e-13)
    assert q.p_laplacian(x, 1.0).item() == pytest.approx(-2 * scale, rel=1e-13)
    assert q.p_laplacian(x, 2.0).item() == pytest.approx(-3 * scale**2, rel=1e-13)


@pytest.mark.parametrize("as_matrix", [False, True])
def test_tangential_trace_beside_a_stiff_normal(as_matrix):
    """Width 1e-6 along the normal, 1 across: tr H = -1e12 - 2, tr_T H = -2. tr H - n'Hn keeps four digits."""
    variances = torch.tensor([[1e-12, 1.0, 1.0]], dtype=DOUBLE)
    q = GaussianMixture(
        torch.ones(1, dtype=DOUBLE),
        torch.zeros(1, 3, dtype=DOUBLE),
        torch.diag_embed(variances) if as_matrix else variances,
    )
    x = torch.tensor([[1.0, 0.5, 0.25]], dtype=DOUBLE)
    c = q.curvatures(x)
    assert c.tangential.item() == pytest.approx(-2.0, rel=1e-11)
    assert c.normal.item() == pytest.approx(-1e12, rel=1e-11)


def test_weights_down_to_1e_300():
    """A component 37 widths nearer makes up for a weight of 1e-300; the mixture at their balance has both."""
    q = GaussianMixture(
        torch.tensor([1.0, 1e-300], dtype=DOUBLE),
        torch.tensor([[0.0], [74.0]], dtype=DOUBLE),
        torch.ones(2, dtype=DOUBLE),
    )
    balance = 37.0 + 300 * math.log(10) / 74.0
    x = torch.tensor([[balance], [74.0]], dtype=DOUBLE)
    assert q.responsibilities(x)[0].tolist() == pytest.approx([0.5, 0.5], abs=1e-9)
    assert q.laplacian(x)[0].item() == pytest.approx(74.0**2 / 4 - 1, rel=1e-9)
    assert q.laplacian(x)[1].item() == pytest.approx(-1.0, rel=1e-9)


def test_zero_weights_are_allowed():
    q = two(weights=(1.0, 0.0))
    x = torch.tensor([[0.3, 0.4]], dtype=DOUBLE)
    assert q.laplacian(x).item() == -2.0


def test_output_follows_input():
    q = two()
    x = np.array([[0.3, 0.4]], dtype=np.float32)
    assert q.score(x).dtype == np.float32
    assert q.score(torch.from_numpy(x)).dtype == torch.float32
    assert q.score(x.astype(np.float64)).dtype == np.float64
    assert isinstance(q.score([[0.3, 0.4]]), np.ndarray)


def test_device_and_dtype(device):
    q = two().to(torch.float32, device)
    x = torch.tensor([[0.3, 0.4]], device=device)
    assert q.score(x).device.type == device.type
    assert torch.allclose(q.p_laplacian(x, 1.0).cpu().double(), two().p_laplacian(x.cpu().double(), 1.0), rtol=1e-5)


def test_no_points_is_no_error():
    assert two().p_laplacian(torch.zeros(0, 2, dtype=DOUBLE), [1.0, 2.0]).shape == (0, 2)


def test_nan_points_stay_in_their_rows():
    x = torch.tensor([[math.nan, 0.0], [0.3, 0.4]], dtype=DOUBLE)
    values = two().p_laplacian(x, 1.5)
    assert math.isnan(values[0]) and torch.equal(values[1:], two().p_laplacian(x[1:], 1.5))


@pytest.mark.parametrize("kind", ["spherical", "diagonal", "full", "low_rank"])
def test_samples_have_the_moments_of_the_mixture(kind):
    g = torch.Generator().manual_seed(5)
    k, d, n = 3, 4, 40000
    weights, means = torch.tensor([0.2, 0.3, 0.5], dtype=DOUBLE), torch.randn(k, d, dtype=DOUBLE, generator=g)
    root = torch.randn(k, d, d, dtype=DOUBLE, generator=g) / 2
    covariances = {
        "spherical": torch.rand(k, dtype=DOUBLE, generator=g) + 0.2,
        "diagonal": torch.rand(k, d, dtype=DOUBLE, generator=g) + 0.2,
        "full": root @ root.mT + 0.1 * torch.eye(d, dtype=DOUBLE),
        "low_rank": LowRank(torch.rand(k, dtype=DOUBLE, generator=g) + 0.1, root[..., :2]),
    }[kind]
    q = GaussianMixture(weights, means, covariances)
    x = q.sample(n, torch.Generator().manual_seed(6))
    assert torch.equal(x, q.sample(n, torch.Generator().manual_seed(6)))
    # E s = 0 and E (x - m) s' = -I hold for the right samples alone; five standard errors of 20 figures: 1e-5
    s = q.score(x)
    products = -s[:, :, None] * (x - x.mean(0))[:, None, :]
    for sample, want in ((s, 0.0), (products.flatten(1), torch.eye(d, dtype=DOUBLE).flatten())):
        assert bool(((sample.mean(0) - want).abs() < 5 * sample.std(0) / math.sqrt(n)).all())


def test_fit_and_kernel_density():
    pytest.importorskip("sklearn")
    x = two(means=((0.0, 0.0), (9.0, 0.0))).sample(4000, torch.Generator().manual_seed(0)).numpy()
    for covariance in ("full", "diagonal", "spherical"):
        q = GaussianMixture.fit(x, 2, covariance=covariance, seed=1)
        assert q.covariance_kind == covariance
        assert sorted(q.means[:, 0].tolist()) == pytest.approx([0.0, 9.0], abs=0.15)
    density = GaussianMixture.kernel_density(x, 0.3)
    y = np.array([[0.5, 0.2]])
    by_hand = np.log(np.mean(np.exp(-((x - y) ** 2).sum(1) / 0.18)) / (2 * np.pi * 0.09))
    assert density.log_prob(y)[0] == pytest.approx(by_hand, rel=1e-12)


def test_missing_scikit_learn_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.mixture", None)
    with pytest.raises(ImportError, match=r"pip install 'plaplace\[digits\]'"):
        GaussianMixture.fit(np.zeros((3, 2)), 1)


def test_ball_mean_where_no_rule_exists():
    q = GaussianMixture(torch.tensor([0.5, 0.5]), torch.randn(2, 4), torch.ones(2))
    with pytest.raises(ValueError, match=r"there is one for D = 1, 2 and 3, and in any D for one spherical component"):
        q.ball_mean(torch.zeros(1, 4), 1.0, 1.0)


def test_ball_mean_says_when_the_rule_has_not_converged():
    """A component of width 1e-5 on a sphere of radius 1 in D = 3: 5,810 nodes cannot see it."""
    q = two(means=((0.0, 0.0, 0.0), (1.0, 0.0, 0.0)), covariances=(1.0, 1e-10))
    x = torch.tensor([[0.0, 1.0, 0.0]], dtype=DOUBLE)
    with pytest.warns(RuntimeWarning, match="the quadrature has not converged at 1 of 1 points"):
        q.ball_mean(x, 1.0, math.sqrt(2))
    flat = two(means=((0.0, 0.0), (1.0, 0.0)), covariances=(1.0, 1e-12))
    with pytest.warns(RuntimeWarning, match="the quadrature has not converged at 1 of 1 points"):
        flat.ball_mean(torch.zeros(1, 2, dtype=DOUBLE), 1.0, 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, error = q.ball_mean(x, 1.0, math.sqrt(2), return_error=True)
    assert error.item() > 1e-6


@pytest.mark.slow
def test_a_million_points_in_two_gigabytes():
    """Peak memory of the whole process, torch's own 200 to 300 MB included."""
    code = """
import resource, torch
from plaplace import GaussianMixture
torch.set_num_threads(1)
g = torch.Generator().manual_seed(0)
weights, means = torch.full((100,), 0.01).double(), torch.randn(100, 4, generator=g).double()
q = GaussianMixture(weights, means, torch.ones(100).double())
x = torch.randn(1_000_000, 4, generator=g).double()
assert q.p_laplacian(x, [1.0, 2.0]).isfinite().all()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 2000, f"peak {done.stdout.strip()} MB"
