"""Training of score networks: against linear Gaussians, and to the bit when interrupted."""

import functools
import math

import pytest
import torch

from plaplace import networks
from plaplace.networks.objective import loss_at
from plaplace.networks.points import Batches
from tests.small_networks import RECIPE_KINDS, generator, normals, small


def test_learned_score_of_a_gaussian_is_linear_and_its_error_is_the_excess_loss():
    # N(m, diag(w^2)): s_i = -(x_i - m_i)/(w_i^2 + sigma^2). Of equal widths the untrained denoiser is exact already.
    width, mean = torch.tensor([0.4, 1.6]), torch.tensor([1.0, -2.0])
    network, _ = networks.train(
        lambda n, g: mean + width * torch.randn(n, 2, generator=g), num_steps=500, batch_size=64, width=32, depth=1
    )
    network = network.double()
    untrained = networks.Denoiser(network.config, network.centre).double()
    sd = network.config.sigma_data
    x0 = (mean + width * torch.randn(4000, 2, generator=generator(8))).double()
    eps = torch.randn(4000, 2, generator=generator(9), dtype=torch.float64)
    for sigma in (0.2, 0.8, 3.0):
        x = x0 + sigma * eps
        variance = (width**2 + sigma**2).double()
        exact = -(x - mean) / variance
        error = (network.score(x, sigma) - exact).square().mean()
        before = (untrained.score(x, sigma) - exact).square().mean()
        relative = float((error / exact.square().mean()).sqrt())
        # 500 steps of 64 points: seen 0.049, 0.032 and 0.007, before 0.86, 0.60 and 0.12
        assert relative < 0.12, f"sigma {sigma}: relative error {relative}"
        assert error < before / 16, f"sigma {sigma}: squared error {error}, the untrained network's {before}"
        # E|F - F*|^2 = loss - least loss, and F - F* = (s - s*) sigma sqrt(sigma^2 + sd^2)/sd, of the same draws
        level = torch.full((4000,), sigma, dtype=torch.float64)
        best = (mean.double() + (x - mean) * (width**2 / variance) - x0).square().mean(1)
        weight = (sigma**2 + sd**2) / (sigma * sd) ** 2
        excess = loss_at(network, network, x0, eps, level) - weight * best
        expected = error * sigma**2 * (sigma**2 + sd**2) / sd**2
        slack = 5 * float(excess.std()) / math.sqrt(4000)  # the cross term has mean zero; false alarm 6e-7
        assert abs(float(excess.mean()) - float(expected)) < slack, f"sigma {sigma}: {excess.mean()} and {expected}"


def test_learned_noise_of_a_gaussian_is_linear():
    # N(0, w^2 I) on the paper's schedule: s = -x/(alpha^2 w^2 + sigma^2)
    w = 0.5
    network, _ = networks.train(lambda n, g: w * torch.randn(n, 2, generator=g), "paper-toy", num_steps=800)
    for t in (40, 99):
        alpha, sigma = network.schedule.level(t)
        x = math.sqrt(alpha**2 * w**2 + sigma**2) * torch.randn(2000, 2, generator=generator(3))
        exact = -x / (alpha**2 * w**2 + sigma**2)
        relative = float((network.score(x, t) - exact).detach().norm() / exact.norm())
        # eps_hat is off by less than a tenth of its unit; |eps*| = sigma/sqrt(alpha^2 w^2 + sigma^2) is 0.7 and 0.9
        assert relative < 0.2, f"t = {t}: relative error {relative}"


@pytest.mark.parametrize("name", [*RECIPE_KINDS, "paper-toy"])
@pytest.mark.parametrize("kind", ["sampler", "points"])
@pytest.mark.parametrize("stop", [1, 7])
def test_a_resumed_training_equals_an_uninterrupted_one_to_the_bit(name, kind, stop, tmp_path):
    # 20 points in batches of 8: epochs of 3 steps with a short last batch; 7 steps end inside the third epoch
    data = normals if kind == "sampler" else normals(20, generator(4))
    chosen = small(name, num_steps=15, num_samples=20 if name == "paper-toy" else 0)
    straight = networks.start(data, chosen, seed=3)
    assert networks.advance(straight)
    broken = networks.start(data, chosen, seed=3)
    assert not networks.advance(broken, lambda run: run.step == stop)
    resumed = networks.load_state(networks.save_state(broken, tmp_path / "run.safetensors"), data)
    assert resumed.step == stop
    assert networks.advance(resumed)
    for part in ("network", "average"):
        expected, received = getattr(straight, part).state_dict(), getattr(resumed, part).state_dict()
        assert all(torch.equal(expected[key], received[key]) for key in expected), f"{part} differs"
    assert resumed.losses == straight.losses


def test_training_leaves_the_global_generator_alone_and_means_the_same_for_the_same_seed():
    before = torch.get_rng_state()
    chosen = small("edm-mlp", num_steps=5)
    first, second, other = (networks.start(normals, chosen, seed=seed) for seed in (0, 0, 1))
    for run in (first, second, other):
        networks.advance(run)
    assert torch.equal(before, torch.get_rng_state())
    assert first.losses == second.losses != other.losses


def test_the_default_dtype_changes_nothing():
    expected = networks.train(normals, num_steps=3, width=8, depth=1, batch_size=4)[1].losses
    torch.set_default_dtype(torch.float64)
    try:
        data = lambda n, generator: torch.randn(n, 3, generator=generator, dtype=torch.float32)  # noqa: E731
        network, history = networks.train(data, num_steps=3, width=8, depth=1, batch_size=4)
    finally:
        torch.set_default_dtype(torch.float32)
    assert history.losses == expected
    assert {tensor.dtype for tensor in network.state_dict().values()} == {torch.float32}


@pytest.mark.parametrize("largest", [0.3, 0.99])
def test_the_average_follows_its_recursion(largest):
    run = networks.start(normals, small("edm-mlp", num_steps=6, ema_decay=largest))
    mean = [parameter.detach().clone() for parameter in run.network.parameters()]

    def follow(run):
        done = run.step - 1  # before this step
        decay = min(largest, (1 + done) / (10 + done))
        # the weights move by about 2e-3 a step: a decay off by one step would show as 1e-4
        for old, new, received in zip(mean, run.network.parameters(), run.average.parameters(), strict=True):
            old.mul_(decay).add_((1 - decay) * new.detach())
            torch.testing.assert_close(received, old, rtol=1e-6, atol=1e-7)

    networks.advance(run, follow)


def test_no_average_and_the_cosine_of_the_learning_rate():
    rates = []
    run = networks.start(normals, small("edm-mlp", num_steps=10, ema_decay=0.0))
    networks.advance(run, lambda run: rates.append(run.optimizer.param_groups[0]["lr"]))
    for average, last in zip(run.average.parameters(), run.network.parameters(), strict=True):
        assert torch.equal(average, last)
    expected = [2e-3 * (1 + math.cos(math.pi * k / 10)) / 2 for k in range(10)]
    assert rates == pytest.approx(expected, rel=1e-12)


def test_a_device_sees_the_same_random_numbers(device):
    chosen = small("edm-mlp", num_steps=5)
    here, there = networks.start(normals, chosen), networks.start(normals, chosen, device=device)
    for run in (here, there):
        networks.advance(run)
    # the same numbers through other kernels: float32 rounding, a little amplified by five steps
    assert there.losses == pytest.approx(here.losses, rel=1e-4)


def test_an_epoch_gives_every_point_once():
    points = torch.arange(20.0)[:, None]
    batches = Batches.of(points, 8)
    for _ in range(3):
        epoch = [batches.draw(random)[0] for random in [generator(batches.position)] * 3]
        assert [len(batch) for batch in epoch] == [8, 8, 4]
        assert torch.equal(torch.cat(epoch).flatten().sort().values, points.flatten())


def test_gradient_clipping_bounds_the_norm():
    run = networks.start(lambda n, g: normals(n, g), small("edm-mlp", num_steps=1, gradient_clip=1e-3))
    networks.advance(run)
    norm = torch.stack([p.grad.norm() for p in run.network.parameters() if p.grad is not None]).norm()
    assert float(norm) <= 1e-3 * (1 + 1e-4)


def test_history_says_what_it_was_validated_on():
    points = normals(30, generator())
    chosen = {"num_steps": 2, "width": 8, "batch_size": 4}
    for data, validation, origin in (
        (normals, None, "fresh points"),
        (points, None, "training points"),
        (points, points[:5], "given points"),
    ):
        _, history = networks.train(data, validation=validation, **chosen)
        assert history.validated_on == origin
        assert len(history.sigmas) == len(history.validation) == 12
        assert all(math.isfinite(loss) for loss in history.validation)


def test_compiled_training_agrees_with_eager(monkeypatch):
    # traced and differentiated as a whole, but not through a C++ compiler: that takes minutes
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="aot_eager"))
    chosen = small("edm-mlp", num_steps=3)
    eager, compiled = networks.start(normals, chosen), networks.start(normals, chosen, compile_network=True)
    assert compiled.forward is not compiled.network
    for run in (eager, compiled):
        networks.advance(run)
    assert compiled.losses == pytest.approx(eager.losses, rel=1e-4)


def test_resume_refuses_other_data_and_other_files(tmp_path):
    points = normals(20, generator())
    run = networks.start(points, small("edm-mlp", num_steps=4))
    networks.advance(run, lambda run: True)
    file = networks.save_state(run, tmp_path / "run.safetensors")
    with pytest.raises(ValueError, match="not those the training began with"):
        networks.load_state(file, points + 1)
    with pytest.raises(ValueError, match="not a training state"):
        networks.load_state(networks.save(run.network, tmp_path), points)
    fresh = networks.start(normals, small("edm-mlp", num_steps=4))
    networks.save_state(fresh, file)
    assert networks.load_state(file, normals).step == 0
    with pytest.raises(ValueError, match="give it the sampler"):
        networks.load_state(file, points)
