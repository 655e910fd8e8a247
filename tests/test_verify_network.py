"""`plaplace verify` of score networks: exact ones and trained ones pass, and what a wrong one does is said in words."""

import math

import numpy as np
import pytest
import torch

from plaplace import GaussianMixture, models, networks, noise
from plaplace.compare.problems import PROBLEMS
from plaplace.models.own import from_own
from plaplace.models.precision import Precision
from plaplace.verify import network as verified
from plaplace.verify.network import TOLERANCE, examine

TRIANGLE = PROBLEMS["triangle"]().mixture
# unequal weights and axes: no symmetry hides a mistake
Q = GaussianMixture(
    torch.tensor([0.5, 0.3, 0.2]).double(),
    torch.tensor([[1.0, 0.5, -0.3], [-1.2, 0.4, 0.8], [0.3, -1.5, 0.2]]).double(),
    torch.tensor([[0.1, 0.3, 0.2], [0.2, 0.1, 0.4], [0.3, 0.2, 0.1]]).double(),
)
STEPS = noise.linear(1000)


def at_sigma(change):
    """A network told sigma, that computes `change(x, score, sigma, mixture)`."""

    def network(x, sigma):
        return change(x, Q.noised(1.0, sigma).score(x), sigma, Q)

    return network


def at_step(change, step=lambda t: t):
    """A network told t of 1000 steps, that computes `change(x, score, alpha, sigma)` at the step it takes t for."""

    def network(x, t):
        alpha, sigma = STEPS.level(min(max(round(step(t)), 0), 999))
        return change(x, Q.noised(alpha, sigma).score(x), alpha, sigma)

    return network


def fails(function, **settings):
    settings = {"mixture": Q} | settings
    return {each.clause: each.sentence for each in examine(function, **settings) if each.verdict == "fails"}


@pytest.mark.parametrize("network", [at_sigma(lambda x, s, sigma, q: s), at_step(lambda x, s, a, sigma: s)])
def test_an_exact_mixture_passes_to_rounding(network):
    findings = list(examine(network, mixture=Q))
    assert [each for each in findings if each.verdict != "holds"] == []
    assert {each.clause for each in findings} == {
        "shape", "determinism", "rows", "score", "derivative", "p-Laplacian"
    }  # fmt: skip
    assert not fails(network, tolerance=1e-12)  # p-Laplacians are given twice that


MEANINGS = {
    "the sign is reversed": lambda x, s, a, o: -s,
    "it returns the noise eps_hat": lambda x, s, a, o: -o * s,
    "it returns sigma s": lambda x, s, a, o: o * s,
    "it returns the denoised sample x0_hat": lambda x, s, a, o: (x + o**2 * s) / a,
    "it returns v = alpha eps - sigma x_0": lambda x, s, a, o: -a * o * s - o * (x + o**2 * s) / a,
    "a factor sigma^2 too much": lambda x, s, a, o: o**2 * s,
    "it returns x - x0_hat": lambda x, s, a, o: -(o**2) * s,
    "a factor 1/sigma too much": lambda x, s, a, o: s / o,
    "a factor alpha too much": lambda x, s, a, o: a * s,
    "a factor 1/alpha too much": lambda x, s, a, o: s / a,
    "about 0.5 times the true one: a constant factor": lambda x, s, a, o: s / 2,
    "a factor that depends on the level alone": lambda x, s, a, o: s * (1 + 2 * o**3),
}


@pytest.mark.parametrize("words", MEANINGS)
def test_other_outputs_are_named(words):
    assert words in fails(at_step(MEANINGS[words]))["diagnosis"]


def test_a_velocity_is_named():
    def network(x, t):
        s = Q.noised(1 - t, t).score(x)
        return -t * s - (x + t**2 * s) / (1 - t)

    assert "it returns the velocity eps - x_0" in fails(network, schedule="flow")["diagnosis"]
    assert not fails(network, schedule="flow", prediction="velocity")


def test_what_an_output_should_be_can_be_said():
    assert not fails(at_step(MEANINGS["it returns the noise eps_hat"]), prediction="epsilon")
    assert not fails(at_step(MEANINGS["it returns the denoised sample x0_hat"]), prediction="sample")


LEVELS = {
    "it wants t/T, a number in [0, 1]": lambda t: 1000 * t,
    "it wants t counted from the other end": lambda t: 999 - t,
}


@pytest.mark.parametrize("words", LEVELS)
def test_misread_steps_are_named(words):
    assert words in fails(at_step(lambda x, s, a, o: s, LEVELS[words]))["diagnosis"]


def test_steps_counted_from_1_are_named_where_they_matter():
    # at the least noise, on data narrower than it: elsewhere a step more or less hardly changes the score
    narrow = GaussianMixture(Q.weights, Q.means, torch.full((3,), 1e-6).double())

    def network(x, t):
        alpha, sigma = STEPS.level(max(int(t) - 1, 0))
        return narrow.noised(alpha, sigma).score(x)

    found = fails(network, mixture=narrow, levels=[1, 2, 5])
    assert "it wants t counted from 1 where t is given" in found["diagnosis"]


@pytest.mark.parametrize(
    ("words", "inverse"),
    [("log sigma", math.exp), ("(log sigma)/4", lambda c: math.exp(4 * c)), ("sigma^2", math.sqrt)],
)
def test_misread_sigmas_are_named(words, inverse):
    def network(x, sigma):
        return Q.noised(1.0, inverse(sigma)).score(x)

    assert f"it wants {words} where sigma is given" in fails(network)["diagnosis"]


def test_a_misread_level_and_another_output_are_named_together():
    def network(x, sigma):
        return -math.exp(sigma) * Q.noised(1.0, math.exp(sigma)).score(x)

    words = fails(network)["diagnosis"]
    assert "it returns the noise eps_hat" in words and "it wants log sigma" in words


def test_dropout_batch_statistics_and_a_cut_graph_are_named():
    dropout = torch.nn.Dropout(0.02)  # an error of sqrt(p / (1 - p)) = 0.14, well within what a score may have
    noisy = fails(at_sigma(lambda x, s, o, q: dropout(s)))
    assert "dropout is on" in noisy["determinism"]
    assert set(noisy) == {"determinism"}  # and nothing that follows from it
    mixed = at_sigma(lambda x, s, o, q: s + 0.2 * (s - s.mean(0)))
    assert "rows are mixed" in fails(mixed)["rows"]
    cut = fails(at_sigma(lambda x, s, o, q: s.detach()))
    assert "it cannot be differentiated" in cut["derivative"] and "cut from the graph" in cut["derivative"]
    half = fails(at_sigma(lambda x, s, o, q: s / 2 + s.detach() / 2))
    assert "a part is detached from the graph" in half["derivative"]
    assert "score" not in half


def test_shapes_and_dtypes():
    narrow = at_sigma(lambda x, s, o, q: s.sum(1))
    assert "it returned (4,) for (4, 3)" in fails(narrow)["shape"]
    other = torch.nn.Linear(4, 4)
    assert "RuntimeError" in fails(lambda x, sigma: other(x))["shape"]
    short = at_sigma(lambda x, s, o, q: s.float())
    assert "float32 comes back for float64" in fails(short)["dtype"]

    def images(x, sigma):  # (B, 1, 3, 1), a sigma a row
        assert x.ndim == 4 and sigma.shape == (len(x),)
        return torch.cat(
            [Q.noised(1.0, float(o)).score(row.reshape(1, 3)) for row, o in zip(x, sigma, strict=True)]
        ).reshape(x.shape)

    findings = list(examine(images, mixture=Q, shape=(1, 3, 1), number=16))
    assert {each.verdict for each in findings} == {"holds"}
    assert "takes sigma as a row each, (B,)" in findings[0].sentence


def test_modules_in_single_precision():
    class Dressed(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = torch.nn.Linear(1, 1, bias=False)
            torch.nn.init.ones_(self.scale.weight)

        def forward(self, x, timestep):
            assert x.dtype == torch.float32 and timestep.dtype == torch.float32
            rows = [Q.noised(*STEPS.level(int(t))).score(row[None]) for row, t in zip(x, timestep, strict=True)]
            return self.scale(torch.cat(rows)[..., None])[..., 0]

    findings = list(examine(Dressed(), mixture=Q, number=64))
    assert [each for each in findings if each.verdict != "holds"] == []
    assert "float32 for float32; takes t as a row each" in findings[0].sentence


def test_numpy_and_jax():
    def of_numpy(x, sigma):
        return np.asarray(Q.noised(1.0, sigma).score(x))

    found = list(examine(of_numpy, mixture=Q))
    assert {each.clause: each.verdict for each in found}["derivative"] == "note"
    assert all(each.verdict == "holds" for each in found if each.clause == "score")
    jax = pytest.importorskip("jax")

    def of_jax(x, sigma):  # data N(0, I/4)
        return -x / (0.25 + jax.numpy.square(sigma))

    normal = GaussianMixture(torch.ones(1).double(), torch.zeros(1, 2).double(), torch.full((1,), 0.25).double())
    assert [each for each in examine(of_jax, mixture=normal) if each.verdict != "holds"] == []
    assert (
        "the sign is reversed" in fails(lambda x, sigma: -of_jax(x, sigma), mixture=normal, backend="jax")["diagnosis"]
    )


def test_models_and_data_alone():
    model = models.from_score(lambda x, t: Q.noised(1.0, float(t[0])).score(x), (3,), models.SigmaLevels(0.05, 5.0))
    assert not fails(model)
    x = Q.sample(200, torch.Generator().manual_seed(0))
    found = list(examine(model, data=x))
    assert {each.verdict for each in found if each.clause == "identities"} <= {"holds", "note"}
    assert len([each for each in found if each.clause == "identities"]) == 7
    wrong = models.from_score(lambda x, t: -model.score(x, float(t[0])), (3,), model.levels)
    broken = [each.case for each in examine(wrong, data=x) if each.verdict == "fails"]
    assert {"Stein", "Tweedie"} <= set(broken)


def test_refusals(tmp_path):
    network = at_sigma(lambda x, s, o, q: s)
    with pytest.raises(ValueError, match="give one of mixture"):
        list(examine(network))
    with pytest.raises(ValueError, match="mixture = 'square' was given; accepted are 'triangle'"):
        list(examine(network, mixture="square"))
    with pytest.raises(ValueError, match="schedule = 'quadratic' was given; accepted are 'sigma', 'flow'"):
        list(examine(network, mixture=Q, schedule="quadratic"))
    np.save(tmp_path / "few.npy", np.zeros((3, 2)))
    with pytest.raises(ValueError, match="data of shape \\(3, 2\\) was given; accepted are 64"):
        list(examine(network, data=str(tmp_path / "few.npy")))


@pytest.mark.slow
def test_a_trained_network_passes_and_its_faults_do_not():
    settings = {"num_steps": 2000}
    network, _ = networks.train(TRIANGLE.sample, "edm-mlp", seed=0, **settings)
    model = from_own(network, Precision(), None, networks.recipe("edm-mlp", **settings).training)
    found = list(examine(model, mixture="triangle"))
    assert [each for each in found if each.verdict != "holds"] == []
    assert f"tolerance of a score, {TOLERANCE:g} of its size" in verified.__doc__
    shares = [float(each.sentence.split("off by ")[1].split("%")[0]) for each in found if each.clause == "score"]
    assert max(shares) < 12  # the docstring's 0.07, with room for another machine's rounding

    def noise_of(x, sigma):
        return -sigma * model.score(x, model.levels.at(sigma=sigma))

    assert "it returns the noise eps_hat" in fails(noise_of, mixture="triangle")["diagnosis"]
