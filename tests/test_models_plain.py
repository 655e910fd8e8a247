"""Plain networks: an exact mixture dressed as each kind gives back its own score, over all levels, in both dtypes."""

import math

import pytest
import torch

from plaplace import models, noise
from tests.dressed import assert_recovers, mixture, predict

SHAPE = (2, 3)
Q = mixture(6)

BETAS = {
    "linear": torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64),
    "scaled-linear": torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2,
}


def table(name, dtype=torch.float64):
    return (1 - BETAS[name]).cumprod(0).to(dtype)


def zero_snr(abar):
    """Lin et al. 2024, algorithm 1: the last step carries no signal."""
    root = abar.sqrt()
    first, last = root[0], root[-1]
    return ((root - last) * first / (first - last)).square()


def step_levels(abar):
    return lambda t: (math.sqrt(float(abar[int(t)])), math.sqrt(1 - float(abar[int(t)])))


def discrete(kind, abar, **options):
    at = step_levels(abar)

    def network(x, t):
        assert t.shape == (len(x),) and len(set(t.tolist())) == 1
        return predict(kind, Q, x, *at(t[0]))

    make = {"epsilon": models.from_epsilon, "v": models.from_v, "sample": models.from_sample}[kind]
    return make(network, abar, SHAPE, **options), at


TABLES = {
    **{name: table(name) for name in BETAS},
    "cosine": noise.cosine(1000).alphas.square(),
    "float32": table("linear", torch.float32),
    "zero-snr": zero_snr(table("scaled-linear")),
}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("kind", ["epsilon", "v", "sample"])
@pytest.mark.parametrize("name", TABLES)
def test_a_table_network_gives_back_the_score(name, kind, dtype):
    abar = TABLES[name].double()
    model, at = discrete(kind, TABLES[name])
    assert len(model.levels) == len(abar)
    for t in (0, 1, 10, 100, 500, 900, 998, 999):
        level = model.levels[t]
        assert (level.alpha, level.sigma) == pytest.approx(at(t), rel=1e-15)
        assert_recovers(model, kind, Q, level, at(t), dtype=dtype)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["epsilon", "v", "sample"])
@pytest.mark.parametrize("name", TABLES)
def test_at_every_level_of_every_table(name, kind):
    model, at = discrete(kind, TABLES[name])
    for level in model.levels:
        for dtype in (torch.float64, torch.float32):
            assert_recovers(model, kind, Q, level, at(level.t), dtype=dtype, points=2)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_a_denoiser_gives_back_the_score(dtype):
    def network(x, sigma):
        return predict("sample", Q, x, 1.0, float(sigma[0]))

    model = models.from_denoiser(network, SHAPE)
    for level in (*model.levels.spread(40), model.levels.at(sigma=0.002), model.levels.at(sigma=80.0)):
        # float32 tells the network a rounded sigma: the truth is at that one
        told = float(torch.tensor(level.sigma, dtype=dtype))
        assert_recovers(model, "sample", Q, models.Level(level.t, 1.0, level.sigma), (1.0, told), dtype=dtype)


@pytest.mark.parametrize("scale", [1.0, 1000.0])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_a_velocity_network_gives_back_the_score(dtype, scale):
    def network(x, t):
        t = float(t[0]) / scale
        return predict("velocity", Q, x, 1 - t, t)

    model = models.from_velocity(network, SHAPE, time_scale=scale)
    for level in (*model.levels.spread(40), model.levels.at(t=0.001), model.levels.at(t=1.0)):
        error = assert_recovers(model, "velocity", Q, level, (level.alpha, level.sigma), dtype=dtype)
        assert error < 1e-3


def test_a_score_function_is_taken_as_it_is():
    model = models.from_score(lambda x, t: predict("score", Q, x, 1.0, float(t[0])), SHAPE, models.SigmaLevels())
    for level in model.levels.spread(10):
        assert_recovers(model, "score", Q, level, (1.0, level.sigma))


def test_a_learned_variance_is_dropped():
    abar = table("linear")
    at = step_levels(abar)

    def network(x, t):
        epsilon = predict("epsilon", Q, x, *at(t[0]))
        return torch.cat([epsilon, torch.full_like(epsilon, 99.0)], 1)

    model = models.from_epsilon(network, abar, SHAPE)
    assert_recovers(model, "epsilon", Q, model.levels[100], at(100))


def test_conditions_of_a_plain_network_go_to_their_rows():
    parts = {label: mixture(6, seed=label) for label in range(4)}
    abar = table("linear")
    at = step_levels(abar)

    def network(x, t, labels):
        rows = [predict("epsilon", parts[int(c)], x[i : i + 1], *at(t[0])) for i, c in enumerate(labels)]
        return torch.cat(rows)

    model = models.from_epsilon(network, abar, SHAPE, conditions=models.Labels(3, null=3, name="labels"))
    x = torch.randn(3, *SHAPE, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    got = model.score(x, 200, [2, 0, 1])
    for row, label in enumerate([2, 0, 1]):
        want = parts[label].noised(*at(200)).score(x[row].reshape(1, -1))
        assert torch.allclose(got[row].reshape(1, -1), want, rtol=1e-12)
    level = model.levels[200]
    unconditional = parts[3].noised(*at(200)).score(x.flatten(1)).reshape(x.shape)
    assert torch.allclose(model.score(x, level), unconditional, rtol=1e-12)
    one = parts[1].noised(*at(200)).score(x.flatten(1)).reshape(x.shape)
    assert torch.allclose(models.gap(model, level, 1)(x), one - unconditional, rtol=1e-10)
    guided = models.guided(model, level, 1, 5.0)
    assert torch.allclose(guided(x), unconditional + 5 * (one - unconditional), rtol=1e-10)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m, x: m.score(x, 1000), r"t = 1000 was given; the model was trained on levels with t from 0 to 999"),
        (lambda m, x: m.score(x, 0.5), r"t = 0.5 was given; the model was trained on the whole steps 0 to 999"),
        (lambda m, x: m.score(x[:, :1], 5), r"accepted are floating-point points \(B, 2, 3\)"),
        (lambda m, x: m.score(x.long(), 5), "x is torch.int64"),
        (lambda m, x: m.score(x, 5, condition=3), "condition = 3 was given; the model is unconditional"),
        (lambda m, x: m.score(x, models.Level(5, 0.9, 0.1)), "Take levels from model.levels.at"),
        (lambda m, x: m.encode(x), "was given no image space"),
    ],
)
def test_bad_input_is_a_sentence(call, message):
    model, _ = discrete("epsilon", table("linear"))
    with pytest.raises(ValueError, match=message):
        call(model, torch.zeros(1, *SHAPE))


def test_a_network_of_another_shape_is_a_sentence():
    model = models.from_epsilon(lambda x, t: x[:, :, :2], table("linear"), SHAPE)
    with pytest.raises(ValueError, match=r"returned \(1, 2, 2\) for points \(1, 2, 3\)"):
        model.score(torch.zeros(1, *SHAPE), 3)


@pytest.mark.parametrize(
    ("prediction", "levels", "message"),
    [
        ("noise", models.SigmaLevels(), "prediction = 'noise' was given; accepted are 'epsilon'"),
        ("v", models.SigmaLevels(), "'v' was given with SigmaLevels; it is defined on DiscreteLevels"),
        ("velocity", models.SigmaLevels(), "it is defined on FlowLevels"),
        (
            "v",
            models.DiscreteLevels(noise.Schedule(torch.tensor([0.9, 0.5]).double(), torch.tensor([0.1, 0.9]).double())),
            r"defined where alpha\^2 \+ sigma\^2 = 1",
        ),
    ],
)
def test_predictions_that_the_levels_do_not_define(prediction, levels, message):
    with pytest.raises(ValueError, match=message):
        models.from_network(lambda x, t: x, SHAPE, levels, prediction)
