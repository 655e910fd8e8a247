"""Score networks: their algebra against formulas, and what they refuse."""

import dataclasses
import json
import math

import pytest
import torch

from plaplace import networks, noise
from plaplace.networks.configuration import to_json
from plaplace.networks.denoiser import preconditioning
from plaplace.networks.objective import loss_at, random_levels, validation_levels
from tests.small_networks import RECIPE_KINDS, denoiser, generator, normals, shaken, small


@pytest.mark.parametrize("exponent", [-12, -3, 0, 3, 12])
def test_preconditioning_gives_unit_variance_at_every_level(exponent):
    sigma_data = 0.7
    sigma = torch.tensor([10.0**exponent], dtype=torch.float64)
    c_skip, c_out, c_in, c_noise = preconditioning(sigma, sigma_data)
    eps = torch.finfo(torch.float64).eps
    # input and target of F for data of variance sd^2; 1 - c_skip through the sum of squares, it cancels otherwise
    torch.testing.assert_close(c_in.square() * (sigma**2 + sigma_data**2), torch.ones_like(sigma), rtol=8 * eps, atol=0)
    rest = sigma**2 / (sigma**2 + sigma_data**2)
    target = (rest.square() * sigma_data**2 + c_skip.square() * sigma**2) / c_out.square()
    torch.testing.assert_close(target, torch.ones_like(sigma), rtol=16 * eps, atol=0)
    torch.testing.assert_close(c_noise, (sigma / sigma_data).log() / 4, rtol=8 * eps, atol=0)


def test_denoiser_returns_its_input_without_noise_and_forgets_it_in_much_noise():
    network = denoiser()
    x = torch.randn(4, 3, generator=generator(), dtype=torch.float64)
    # |D - x| is about sigma |F|, and F of these weights is below 1e4
    torch.testing.assert_close(network(x, 1e-14), x, rtol=0, atol=1e-10)
    # x in units of sigma is nothing at 1e14: what is left is centre + sd F(0), the same for every x
    far = network(x, 1e14)
    torch.testing.assert_close(far, far[:1].expand(4, 3), rtol=0, atol=1e-10)
    assert float((far - network.centre).detach().abs().max()) > 1e-3, "F(0) of random weights is not 0"


@pytest.mark.parametrize("sigma", [1e-3, 0.1, 1.0, 30.0])
def test_score_is_tweedie(sigma):
    network = denoiser()
    x = torch.randn(5, 3, generator=generator(), dtype=torch.float64)
    expected = (network(x, sigma) - x) / sigma**2
    # the right side cancels: its rounding is |x| eps / sigma^2
    tolerance = 16 * torch.finfo(torch.float64).eps * float(x.abs().max() + 1) * max(1 / sigma**2, 1)
    torch.testing.assert_close(network.score(x, sigma), expected, rtol=1e-13, atol=tolerance)


def test_score_keeps_its_digits_at_small_sigma_in_float32():
    network = denoiser()
    x = torch.randn(5, 3, generator=generator(), dtype=torch.float64)
    expected = network.score(x, 1e-4)
    received = denoiser().float().score(x.float(), 1e-4).double()
    # (D - x)/sigma^2 in float32 would be off by 1e-7/1e-8; the score itself is of order F/sigma = 1e4
    torch.testing.assert_close(received, expected, rtol=0, atol=1e-4 * float(expected.detach().abs().max()))


def test_denoiser_is_equivariant_under_scaling_and_shifting_the_data():
    network, a, b = denoiser(), 4.0, 0.5
    twin = networks.Denoiser(dataclasses.replace(network.config, sigma_data=a * network.config.sigma_data)).double()
    twin.load_state_dict(network.state_dict())
    twin.centre.copy_(a * network.centre + b)
    x = torch.randn(5, 3, generator=generator(), dtype=torch.float64)
    torch.testing.assert_close(twin(a * x + b, a * 0.3), a * network(x, 0.3) + b, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("name", RECIPE_KINDS)
def test_rows_are_independent_and_levels_broadcast(name):
    network = shaken(networks.start(normals(20, generator()), small(name)).network).double()
    x = torch.randn(6, 3, generator=generator(), dtype=torch.float64)
    level = torch.tensor([3, 3, 3, 7, 7, 7]) if name == "d8-residual" else torch.tensor([0.3] * 3 + [2.0] * 3)
    together = network(x, level)
    for row in range(6):
        alone = network(x[row : row + 1], level[row].item())
        # float32 levels against a Python float: the same number, since .item() is exact
        torch.testing.assert_close(together[row : row + 1], alone, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", RECIPE_KINDS)
def test_score_is_twice_differentiable_in_both_modes(name):
    network = shaken(networks.start(normals(20, generator()), small(name)).network).double()
    score = network.score_function(30 if name == "d8-residual" else 0.6)
    x = torch.randn(2, 3, generator=generator(), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(score, x, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(score, x)


@pytest.mark.parametrize("shape", [(1,), (5,), (1, 4, 4), (2, 3)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_points_of_any_shape(shape, dtype):
    x = torch.randn(3, *shape, generator=generator(), dtype=dtype)
    for name, level in (("edm-mlp", 0.5), ("paper-toy", 4)):
        network = networks.start(x, small(name)).network.to(dtype)
        received = network.score_function(level)(x)
        assert (received.shape, received.dtype) == (x.shape, dtype), f"{name}: {received.shape}, {received.dtype}"


def test_denoiser_loss_has_the_weight_of_the_source():
    network = denoiser()
    x = torch.randn(7, 3, generator=generator(), dtype=torch.float64)
    eps, sigma = torch.randn_like(x), torch.logspace(-2, 2, 7, dtype=torch.float64)
    sd = network.config.sigma_data
    error = (network(x + sigma[:, None] * eps, sigma) - x).square().mean(1)
    expected = (sigma**2 + sd**2) / (sigma * sd) ** 2 * error
    torch.testing.assert_close(loss_at(network, network, x, eps, sigma), expected, rtol=1e-12, atol=0)


def test_epsilon_loss_asks_for_the_noise_at_its_level():
    network = shaken(networks.EpsilonNetwork(networks.EpsilonConfig(shape=(3,)))).double()
    x = torch.randn(4, 3, generator=generator(), dtype=torch.float64)
    eps = torch.randn(4, 3, generator=generator(1), dtype=torch.float64)
    received = loss_at(network, network, x, eps, torch.tensor([0, 7, 50, 99]))
    kept = (1 - torch.linspace(1e-4, 0.02, 100, dtype=torch.float64)).cumprod(0)
    for row, t in enumerate((0, 7, 50, 99)):
        noised = kept[t].sqrt() * x[row] + (1 - kept[t]).sqrt() * eps[row]
        expected = (network(noised[None], t) - eps[row]).square().mean()
        torch.testing.assert_close(received[row], expected, rtol=1e-11, atol=0)  # 1 - kept cancels to 1e-12


def test_untrained_denoiser_has_unit_loss_at_every_level():
    sd, count = 0.7, 20_000
    network = networks.Denoiser(networks.DenoiserConfig((2,), sd, width=8, depth=1)).double()
    x = sd * torch.randn(count, 2, generator=generator(), dtype=torch.float64)
    eps = torch.randn(count, 2, generator=generator(1), dtype=torch.float64)
    for sigma in (0.01, 1.0, 100.0):
        received = loss_at(network, network, x, eps, torch.full((count,), sigma, dtype=torch.float64)).mean()
        # chi-squared with 2 x 20,000 degrees of freedom over its number: sd sqrt(2/40,000); 5 sd, false alarm 6e-7
        assert abs(float(received.detach()) - 1) < 5 * math.sqrt(2 / (2 * count)), f"sigma {sigma}: loss {received}"


def test_training_levels_are_lognormal_about_the_scale_of_the_data():
    network = denoiser(sigma_data=0.7)
    logs = (random_levels(network, 20_000, -0.8, 1.4, generator()) / 0.7).log()
    assert abs(float(logs.mean()) + 0.8) < 5 * 1.4 / math.sqrt(20_000)
    assert abs(float(logs.std()) - 1.4) < 5 * 1.4 / math.sqrt(40_000)


def test_validation_levels_span_the_schedule():
    network = networks.EpsilonNetwork(networks.EpsilonConfig())
    steps, sigmas = validation_levels(network, 12, 0.0, 1.0)
    assert (int(steps[0]), int(steps[-1])) == (0, 99)
    kept = (1 - torch.linspace(1e-4, 0.02, 100, dtype=torch.float64)).cumprod(0)[steps]
    torch.testing.assert_close(sigmas, (1 / kept - 1).sqrt(), rtol=1e-11, atol=0)  # 1/kept - 1 cancels to 1e-12


def test_recipes_are_those_of_the_papers():
    toy, d8 = networks.RECIPES["paper-toy"], networks.RECIPES["d8-residual"]
    count = [sum(p.numel() for p in networks.EpsilonNetwork(each.network).parameters()) for each in (toy, d8)]
    assert count == [(2 + 16) * 128 + 128 + 128 * 2 + 2, 102_024]
    assert (toy.training.num_steps, toy.training.num_samples) == (300 * math.ceil(2000 / 128), 2000)
    schedule = networks.EpsilonNetwork(toy.network).schedule
    torch.testing.assert_close(schedule.sigmas, noise.linear(100).sigmas, rtol=0, atol=0)


def test_epsilon_score_divides_by_the_sigma_of_its_step():
    network = shaken(networks.EpsilonNetwork(networks.EpsilonConfig())).double()
    x = torch.randn(4, 2, generator=generator(), dtype=torch.float64)
    betas = torch.linspace(1e-4, 0.02, 100, dtype=torch.float64)
    sigma = (1 - (1 - betas).cumprod(0)[41]).sqrt()
    torch.testing.assert_close(network.score_function(41)(x), -network(x, 41) / sigma, rtol=1e-12, atol=0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: networks.recipe("edm"), "recipe = 'edm'.*'edm-mlp', 'paper-toy', 'd8-residual'"),
        (lambda: networks.recipe("edm-mlp", colour=3), "colour = 3.*no such setting"),
        (lambda: networks.recipe("edm-mlp", num_steps=0), "num_steps = 0"),
        (lambda: networks.recipe("edm-mlp", decay="linear"), "decay = 'linear'.*'constant' and 'cosine'"),
        (lambda: networks.recipe("edm-mlp", ema_decay=1.0), "ema_decay = 1.0"),
        (lambda: networks.recipe("edm-mlp", learning_rate=math.nan), "learning_rate = nan"),
        (lambda: networks.recipe("edm-mlp", label_dropout=1.5), "label_dropout = 1.5.*from 0 to 1"),
        (lambda: networks.recipe("edm-mlp", num_classes=3), "num_classes = 3.*no such setting"),
        (lambda: networks.recipe("unet-8", channels=(12,)), r"channels = \(12,\).*multiples of 8"),
        (lambda: networks.recipe("unet-8", curve="square"), "curve = 'square'.*'linear' and 'cosine'"),
        (lambda: networks.train(torch.randn(4, 1, 9, 9), "unet-28"), r"shape = \(1, 9, 9\).*multiples of 4"),
        (lambda: networks.train(torch.randn(4, 8), "unet-8"), r"shape = \(8,\).*accepted is \(C, H, W\)"),
        (
            lambda: networks.train(torch.randn(4, 8), labels=torch.ones(3)),
            "labels are torch.float32.*accepted are 4 whole",
        ),
        (lambda: networks.train(torch.randn(2, 8), labels=torch.tensor([0, -1])), "accepted are 2 whole numbers >= 0"),
        (lambda: networks.train(normals, labels=torch.tensor([0])), "labels were given with a sampler"),
        (lambda: networks.train(torch.randn(2, 8), "paper-toy", labels=torch.tensor([0, 1])), "is unconditional"),
        (lambda: denoiser()(torch.zeros(4, 3).double(), 1.0, torch.tensor([0])), "the network is unconditional"),
        (lambda: networks.recipe("edm-mlp", noise_features=3), "noise_features = 3.*even"),
        (lambda: networks.recipe("paper-toy", activation="gelu"), "activation = 'gelu'.*'relu' and 'silu'"),
        (lambda: networks.recipe("paper-toy", beta_end=1.0), "beta_end = 1.0"),
        (lambda: networks.train(torch.zeros(5)), r"shape \(5,\); accepted is \(N, \*shape\)"),
        (lambda: networks.train(torch.zeros(5, 2)), "5 points are all the same"),
        (lambda: networks.train(torch.full((5, 2), math.inf)), "5 of 5 points that are not finite"),
        (lambda: networks.train(torch.zeros(5, 2, dtype=torch.int64)), "torch.int64; accepted are floating"),
        (lambda: denoiser()(torch.zeros(4, 2).double(), 1.0), r"x has shape \(4, 2\); accepted is \(B, 3\)"),
        (lambda: denoiser()(torch.zeros(4, 3), 1.0), "torch.float32 and the network torch.float64"),
        (lambda: denoiser().score(torch.zeros(4, 3).double(), 0.0), "sigma = 0.0"),
        (lambda: denoiser()(torch.zeros(4, 3).double(), torch.ones(3)), r"sigma has shape \(3,\).*\(4,\)"),
    ],
)
def test_bad_input_is_a_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_steps_outside_the_schedule_are_refused():
    with pytest.raises(IndexError, match="t = 100 was given; the schedule has the steps 0 to 99"):
        networks.EpsilonNetwork(networks.EpsilonConfig()).score_function(100)


def test_a_diverging_training_stops_with_a_sentence():
    with pytest.raises(FloatingPointError, match="the loss of step"):
        networks.train(normals, num_steps=400, learning_rate=1e25, gradient_clip=0.0, width=8, batch_size=4)


def test_configuration_is_json():
    config = networks.EpsilonConfig(shape=(2, 3))
    assert json.loads(json.dumps(to_json(config)))["shape"] == [2, 3]
