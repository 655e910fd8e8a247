"""The one pass: what it keeps, that batching does not matter, what it costs, and what it says to wrong input."""

import math

import pytest
import torch

from plaplace import memorization, models
from plaplace.directions import draw


def gaussian(dimension, variance):
    """Data N(0, variance I) at levels alpha = 1: `s = -x / (variance + sigma^2)`."""
    return models.from_score(lambda x, t: -x / (variance + t[:, None] ** 2), (dimension,), models.SigmaLevels())


def curved(dimension):
    def score(x, t):
        return torch.sin(3 * x) - x**3 / t[:, None]

    return models.from_score(score, (dimension,), models.SigmaLevels())


def points(number, dimension, seed=0, dtype=torch.float64):
    return torch.randn(number, dimension, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def test_keeps_norms_inner_products_and_pairs_of_the_predicted_noise():
    model, x = curved(5), points(3, 5)
    found = memorization.probe(model, x, 0.3, 10, torch.Generator().manual_seed(4))
    seed = int(torch.randint(2**62, (), generator=torch.Generator().manual_seed(4)))
    n = draw("frame", 10, 5, torch.Generator().manual_seed(seed)).vectors
    at = x[:, None] + 0.3 * math.sqrt(5) * n
    eps = -0.3 * (torch.sin(3 * at) - at**3 / 0.3)
    torch.testing.assert_close(found.norm, eps.norm(dim=-1), rtol=1e-12, atol=0)
    torch.testing.assert_close(found.radial, (eps * n).sum(-1), rtol=0, atol=1e-12)
    torch.testing.assert_close(found.pair, (eps[:, 0::2] * eps[:, 1::2]).sum(-1), rtol=0, atol=1e-12)
    halves = (eps[:, 0::2] + eps[:, 1::2]) / 2
    for j in (0, 2, 4):
        mean = halves[:, : j + 1].mean(1).norm(dim=1)
        torch.testing.assert_close(found.sphere().drift[:, j], mean, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(found.drift, eps.mean(1).norm(dim=1), rtol=1e-10, atol=1e-12)
    for j in range(5):
        others = halves[:, [i for i in range(5) if i != j]].mean(1).norm(dim=1)
        torch.testing.assert_close(found.sphere().without[:, j], others, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(memorization.statistics["displacement"](found), -(found.drift**2) / 5, rtol=0, atol=0)
    assert found.num_evaluations.tolist() == [10] * 3
    assert found.radius == pytest.approx(0.3 * math.sqrt(5))


def test_of_several_frames_the_displacement_is_kept_without_each():
    """Five dimensions hold 5 pairs: 22 pairs are frames of 5, 5, 4, 4, 4."""
    model, x = curved(5), points(3, 5)
    found = memorization.probe(model, x, 0.3, 44, seeds=[1, 2, 3], batch_size=12)
    for row, seed in enumerate([1, 2, 3]):
        n = draw("frame", 44, 5, torch.Generator().manual_seed(seed)).vectors
        at = x[row] + 0.3 * math.sqrt(5) * n
        eps = -0.3 * (torch.sin(3 * at) - at**3 / 0.3)
        halves = ((eps[0::2] + eps[1::2]) / 2).split([5, 5, 4, 4, 4])
        wanted = [torch.cat([*halves[:j], *halves[j + 1 :]]).mean(0).norm() for j in range(5)]
        torch.testing.assert_close(found.sphere().without[row], torch.stack(wanted), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("batch_size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("tolerance", [None, 0.03])
def test_the_same_numbers_whatever_the_batching(batch_size, tolerance):
    model, x = curved(6), points(9, 6)
    options = {"tolerance": tolerance, "max_directions": 64}
    whole = memorization.probe(model, x, 0.5, 12, torch.Generator().manual_seed(1), **options)
    parts = memorization.probe(model, x, 0.5, 12, torch.Generator().manual_seed(1), batch_size=batch_size, **options)
    for name in ("norm", "radial", "pair", "drift"):
        torch.testing.assert_close(getattr(parts, name), getattr(whole, name), rtol=0, atol=1e-12, equal_nan=True)
    assert parts.rounds.tolist() == whole.rounds.tolist()
    assert parts.num_evaluations.tolist() == whole.num_evaluations.tolist()
    alone = memorization.probe(model, x[4:5], 0.5, 12, torch.Generator().manual_seed(1), **options)
    torch.testing.assert_close(alone.norm[0], whole.norm[4, : alone.norm.shape[1]], rtol=0, atol=1e-12, equal_nan=True)


def test_several_levels_share_their_directions():
    model, x = curved(4), points(2, 4)
    one, two = memorization.profile(model, x, [0.2, 0.9], 8, torch.Generator().manual_seed(3))
    again = memorization.probe(model, x, 0.9, 8, torch.Generator().manual_seed(3))
    assert one.level.sigma == 0.2
    torch.testing.assert_close(two.radial, again.radial, rtol=0, atol=0)


def test_a_call_takes_one_number_from_the_generator():
    g, other = torch.Generator().manual_seed(0), torch.Generator().manual_seed(0)
    memorization.probe(curved(4), points(2, 4), 0.2, 40, g, tolerance=0.1)
    torch.randint(2**62, (), generator=other)
    assert int(torch.randint(2**62, (), generator=g)) == int(torch.randint(2**62, (), generator=other))


def test_a_tolerance_spends_more_where_the_spread_is_larger():
    def score(x):  # flat for x_0 < 0, rough for x_0 > 0
        rough = torch.randn(x.shape, generator=torch.Generator().manual_seed(len(x)), dtype=x.dtype)
        return torch.where(x[:, :1] < 0, -x + x, rough)

    dimension = 40
    x = torch.zeros(2, dimension, dtype=torch.float64)
    x[:, 0] = torch.tensor([-5.0, 5.0])
    model = models.from_score(lambda x, t: score(x) - 1e-3 * x, (dimension,), models.SigmaLevels())
    found = memorization.probe(model, x, 0.1, 8, torch.Generator().manual_seed(0), tolerance=0.02, max_directions=800)
    error = found.mean(found.radial / found.norm).standard_error
    assert found.rounds[0] == 4  # the least: four blocks
    assert found.rounds[1] > 6  # 0.158 / sqrt(8 rounds) is below 0.02 from 8 rounds on, give or take
    assert bool((error <= 0.02).all())
    assert found.num_evaluations.tolist() == (8 * found.rounds).tolist()
    assert bool(found.norm[0, 32:].isnan().all()) and not bool(found.norm[1].isnan().any())


def test_float32_points_ask_the_network_in_float32():
    seen = []
    model = models.from_score(lambda x, t: seen.append(x.dtype) or -x, (3,), models.SigmaLevels())
    found = memorization.probe(model, points(2, 3, dtype=torch.float32), 0.1, 6)
    assert set(seen) == {torch.float32} and found.norm.dtype == torch.float64


def test_a_score_that_is_not_finite_spoils_its_image_alone():
    def score(x, t):
        return torch.where(x[:, :1] > 50, torch.full_like(x, math.nan), -x)

    x = torch.zeros(3, 4)
    x[1] = 100
    model = models.from_score(score, (4,), models.SigmaLevels())
    found = memorization.probe(model, x, 0.1, 8, tolerance=1e-9, max_directions=16)
    value = memorization.statistics["flux_1"](found)
    assert value.isnan().tolist() == [False, True, False]
    assert found.num_nonfinite.tolist() == [0, 8, 0]


def test_no_images_are_no_rows():
    found = memorization.probe(gaussian(3, 1.0), torch.zeros(0, 3), 0.1, 6)
    assert len(found) == 0 and memorization.statistics["flux_1"](found).shape == (0,)


@pytest.mark.parametrize("each", [True, False])
def test_conditions_follow_their_images(each):
    def score(x, t, labels):
        return -x * (1.0 + labels.to(x))[:, None]

    conditions = models.Labels(9, null=9, name="labels")
    model = models.from_score(score, (4,), models.SigmaLevels(), conditions=conditions)
    x = points(5, 4)
    given = torch.arange(5) if each else 3
    found = memorization.probe(model, x, 0.1, 8, condition=given, batch_size=6, statistics=["flux_1", "gap_flux_1"])
    u = memorization.probe(model, x, 0.1, 8, batch_size=6)
    assert found.field == "conditional" and found.num_evaluations.tolist() == [16] * 5
    labels = torch.arange(5) if each else torch.full((5,), 3)
    # the null class is 9: u has the factor 10
    same = torch.Generator().manual_seed(0), torch.Generator().manual_seed(0)
    found = memorization.probe(model, x, 0.1, 8, same[0], given, batch_size=6, statistics=["flux_1", "gap_flux_1"])
    u = memorization.probe(model, x, 0.1, 8, same[1], batch_size=6)
    torch.testing.assert_close(found.norm, u.norm * (1.0 + labels)[:, None] / 10, rtol=1e-12, atol=0)
    gap = found.sphere("gap")
    torch.testing.assert_close(gap.norm, u.norm * (9.0 - labels)[:, None] / 10, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(gap.radial, -u.radial * (9.0 - labels)[:, None] / 10, rtol=1e-12, atol=1e-12)


def test_conditions_of_a_model_without_rules_of_its_own():
    class Model:
        shape, levels = (2,), models.SigmaLevels()

        def score(self, x, level, condition=None):
            factor = torch.tensor([len(each) for each in condition], dtype=x.dtype)[:, None]
            return -x * factor

        def encode(self, images):
            return images

    found = memorization.probe(Model(), torch.ones(2, 2).double(), 1.0, 4, condition=["a", "bbb"], batch_size=3)
    assert found.norm[1].sum() == pytest.approx(3 * float(found.norm[0].sum()))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": torch.zeros(2, 4)}, r"accepted are floating-point points \(B, 3\)"),
        ({"x": torch.zeros(2, 3, dtype=torch.int64)}, "accepted are floating-point points"),
        ({"num_directions": 7}, "even number"),
        ({"num_directions": 0}, "at least 1"),
        ({"radius": -1.0}, "radius = -1.0 was given"),
        ({"tolerance": 0.0}, "tolerance = 0.0 was given"),
        ({"batch_size": 0}, "batch_size = 0 was given"),
        ({"level": 1e9}, "the model was trained on levels"),
        ({"statistics": ["gap_flux_1"]}, "needs a condition"),
        ({"directions": "square"}, "accepted are 'iid'"),
    ],
)
def test_wrong_input_is_a_sentence(change, message):
    options = {"x": torch.zeros(2, 3), "level": 0.1, "num_directions": 6} | change
    with pytest.raises(ValueError, match=message):
        memorization.probe(gaussian(3, 1.0), **options)


def test_an_unknown_statistic_and_one_that_was_not_probed():
    with pytest.raises(KeyError, match="accepted are flux_1"):
        memorization.probe(gaussian(3, 1.0), torch.zeros(2, 3), 0.1, 6, statistics=["fluxx"])
    found = memorization.probe(gaussian(3, 1.0), torch.zeros(2, 3), 0.1, 6)
    with pytest.raises(KeyError, match="the field 'gap' was not probed, 'unconditional' was"):
        memorization.statistics["gap_flux_1"](found)


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.0])
@pytest.mark.parametrize("tangent", [0, 3, 7])
def test_flux_of_a_linear_gaussian_model_is_q_to_the_p(p, tangent):
    """Data N(0, I) along `tangent` axes, a point along the others, little noise: q = sqrt((D-k)/D)."""
    dimension, sigma = 8, 1e-5
    variance = torch.tensor([1.0] * tangent + [0.0] * (dimension - tangent), dtype=torch.float64)
    model = models.from_score(lambda x, t: -x / (variance + t[:, None] ** 2), (dimension,), models.SigmaLevels(1e-6))
    x = torch.zeros(1, dimension, dtype=torch.float64)
    probes = memorization.probe(model, x, sigma, 4000, torch.Generator().manual_seed(0), directions="iid")
    normal = draw("iid", 4000, dimension, torch.Generator().manual_seed(int(torch.randint(
        2**62, (), generator=torch.Generator().manual_seed(0))))).vectors[:, tangent:].norm(dim=1)  # fmt: skip
    value = float(memorization.statistics[f"flux_{p:g}"](probes))
    # exact for these directions: |P n|^p; its mean tends to q^p where D is large
    assert value == pytest.approx(float((normal**p).mean()), rel=1e-5)
    loss = float(memorization.statistics["denoising_loss"](probes))
    assert loss == pytest.approx(-float((1 - normal**2).mean()), abs=1e-5)
    assert float(memorization.statistics["sphere_norm"](probes)) == pytest.approx(-float(normal.mean()), rel=1e-5)


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.0])
def test_the_boundary_statistic_is_minus_the_ball_mean(p):
    from plaplace import estimators

    model, x = curved(5), points(3, 5)
    level = model.levels.at(sigma=0.3)
    probes = memorization.probe(model, x, level, 10, torch.Generator().manual_seed(2), radius=0.7)
    value = memorization.statistics[f"boundary_{p:g}"](probes)
    seed = int(torch.randint(2**62, (), generator=torch.Generator().manual_seed(2)))
    n = draw("frame", 10, 5, torch.Generator().manual_seed(seed)).vectors
    s = model.score((x[:, None] + 0.7 * n).reshape(-1, 5), level).reshape(3, 10, 5)
    want = -(5 / 0.7) * (s.norm(dim=-1) ** (p - 2) * (s * n).sum(-1)).mean(1)
    torch.testing.assert_close(value, want, rtol=1e-10, atol=0)
    many = memorization.probe(model, x, level, 4000, torch.Generator().manual_seed(3), radius=0.7)
    other = estimators.sphere_flux(
        models.unconditional(model, level), x, p, radius=0.7, num_directions=4000,
        generator=torch.Generator().manual_seed(4),
    )  # fmt: skip
    statistic = memorization.statistics[f"boundary_{p:g}"]
    error = (statistic.standard_error(many) ** 2 + other.standard_error**2).sqrt()
    assert bool(((statistic(many) + other.value).abs() <= 4 * error + 1e-9).all())


def test_standard_error_covers_the_spread_of_the_statistic():
    model, x = curved(5), points(1, 5)
    g = torch.Generator().manual_seed(0)
    statistic = memorization.statistics["flux_1"]
    runs = [memorization.probe(model, x, 0.3, 60, g) for _ in range(200)]
    values = torch.cat([statistic(each) for each in runs])
    errors = torch.cat([statistic.standard_error(each) for each in runs])
    assert float(errors.square().mean().sqrt() / values.std()) == pytest.approx(1.0, abs=0.15)


def test_rows_and_joined_are_inverse():
    found = memorization.probe(curved(4), points(5, 4), 0.3, 8, torch.Generator().manual_seed(0))
    again = memorization.Probes.joined([found.rows(slice(0, 2)), found.rows(torch.tensor([2, 3, 4]))])
    torch.testing.assert_close(again.norm, found.norm, rtol=0, atol=0)
    torch.testing.assert_close(again.sphere().without, found.sphere().without, rtol=0, atol=0)
    assert len(again) == 5
    with pytest.raises(ValueError, match="made alike"):
        memorization.Probes.joined([found, memorization.probe(curved(4), points(1, 4), 0.4, 8)])


@pytest.mark.parametrize("kind", ["iid", "antithetic", "frame"])
def test_the_first_directions_are_a_smaller_pass(kind):
    model, x = curved(4), points(3, 4)
    whole = memorization.probe(model, x, 0.3, 24, torch.Generator().manual_seed(0), directions=kind)
    part = whole.first(10)
    assert part.num_evaluations.tolist() == [10] * 3
    torch.testing.assert_close(part.norm, whole.norm[:, :10], rtol=0, atol=0)
    assert sum(part.structure.sizes) == (10 if kind == "iid" else 5)
    assert bool(memorization.statistics["flux_1"].standard_error(part).isfinite().all())
    assert part.sphere().without is None and whole.first(24) is whole
    with pytest.raises(ValueError, match="accepted are 1 to 24"):
        whole.first(26)
