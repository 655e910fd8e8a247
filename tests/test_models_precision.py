"""Networks in lower precision, compiled and in forward mode: the score stays what it is."""

import pytest
import torch
import torch.autograd.forward_ad as fwd
from torch import nn

from plaplace import estimators, models, noise
from plaplace.models import FlowLevels, Precision, SigmaLevels
from plaplace.models.precision import dtype_of, prepare
from tests.small_networks import generator

HALVES = [torch.bfloat16, torch.float16]
ABAR = noise.linear(1000).alphas.square()


def normal(*shape, seed=0, dtype=torch.float32):
    return torch.randn(*shape, generator=generator(seed), dtype=dtype)


# --- a network in half precision


class Echo(nn.Module):
    """Gives x back in the type of its weight, and remembers what it was told."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))
        self.told = []

    def forward(self, x, t):
        assert x.dtype == self.weight.dtype
        self.told.append(t)
        return x * self.weight


MAKE = {
    "epsilon": lambda network, **o: models.from_epsilon(network, ABAR, (3,), **o),
    "v": lambda network, **o: models.from_v(network, ABAR, (3,), **o),
    "sample": lambda network, **o: models.from_sample(network, ABAR, (3,), **o),
    "velocity": lambda network, **o: models.from_velocity(network, (3,), **o),
    "denoiser": lambda network, **o: models.from_denoiser(network, (3,), **o),
}
CONVERT = {
    "epsilon": lambda output, x, level: noise.score_from_epsilon(output, level.sigma),
    "v": lambda output, x, level: noise.score_from_v(output, x, level.alpha, level.sigma),
    "sample": lambda output, x, level: noise.score_from_sample(output, x, level.alpha, level.sigma),
    "velocity": lambda output, x, level: noise.score_from_velocity(output, x, level.sigma),
    "denoiser": lambda output, x, level: noise.score_from_sample(output, x, level.alpha, level.sigma),
}


@pytest.mark.parametrize("kind", MAKE)
@pytest.mark.parametrize("x_dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("half", HALVES, ids=str)
def test_only_the_networks_own_rounding_is_in_the_score(half, x_dtype, kind):
    model = MAKE[kind](Echo(), precision=Precision(dtype=half))
    x, level = normal(6, 3, dtype=x_dtype), model.levels.at(snr=0.7)
    score = model.score(x, level)
    rounded = x.to(half)  # what the network said; all that follows is in the type of x
    assert score.dtype == x_dtype
    wanted = CONVERT[kind](rounded.double(), x.double(), level)
    torch.testing.assert_close(score.double(), wanted, rtol=8 * torch.finfo(x_dtype).eps, atol=0)
    # ... which a subtraction in half precision would lose: D - x would be 0
    assert kind != "denoiser" or score.abs().max() > 0


@pytest.mark.parametrize("half", HALVES, ids=str)
def test_step_numbers_survive_half_precision(half):
    network = Echo()
    model = MAKE["epsilon"](network, precision=Precision(dtype=half))
    for t in (257, 999):
        model.score(normal(2, 3), t)
        assert network.told[-1].tolist() == [t, t]
    model = models.from_epsilon(network, noise.linear(4000).alphas.square(), (3,))
    model.score(normal(1, 3), 3999)
    assert network.told[-1].tolist() == [3999]
    # ... and times between 0 and 1 keep their digits
    model = models.from_velocity(network, (3,))
    model.score(normal(1, 3), 0.123456)
    assert network.told[-1].item() == pytest.approx(0.123456, rel=1e-7)


def test_the_type_of_the_time_can_be_said():
    network = Echo()
    model = MAKE["epsilon"](network, precision=Precision(dtype=torch.bfloat16), time_dtype=torch.int64)
    model.score(normal(1, 3), 999)
    assert network.told[-1].dtype == torch.int64 and network.told[-1].item() == 999
    MAKE["epsilon"](network, time_dtype=torch.bfloat16).score(normal(1, 3), 999)
    assert network.told[-1].dtype == torch.bfloat16


@pytest.mark.parametrize("half", HALVES, ids=str)
def test_estimates_from_a_half_precision_network_are_float64(half):
    # D = x / (1 + sigma^2) in half precision: the Laplacian is -D / (1 + sigma^2), within its rounding over a radius
    class Linear(Echo):
        def forward(self, x, t):
            return super().forward(x, t) / 2

    model = models.from_denoiser(Linear(), (3,), precision=Precision(dtype=half))
    s = models.unconditional(model, 1.0)
    estimate = estimators.sphere_flux(s, normal(200, 3), 2.0, radius=1.0, num_directions=24, generator=generator(1))
    assert estimate.value.mean().item() == pytest.approx(-1.5, abs=3 * torch.finfo(half).eps)


# --- prepare


def test_a_module_is_frozen_in_evaluation_and_otherwise_as_it_was():
    network = nn.Sequential(nn.Linear(2, 2), nn.Dropout())
    pointers = [p.data_ptr() for p in network.parameters()]
    assert prepare(network, Precision(), None) is network
    assert not network.training and not any(p.requires_grad for p in network.parameters())
    assert [p.data_ptr() for p in network.parameters()] == pointers
    assert dtype_of(network) == (torch.float32, torch.device("cpu"))
    prepare(network, Precision(dtype=torch.float64), "cpu")
    assert dtype_of(network) == (torch.float64, torch.device("cpu"))
    assert dtype_of(nn.ReLU()) == dtype_of(lambda x: x) == (None, None)


def test_a_function_can_not_be_converted():
    assert MAKE["denoiser"](lambda x, t: x / 2).score(normal(1, 3), 1.0).shape == (1, 3)
    for options in ({"precision": Precision(dtype=torch.bfloat16)}, {"device": "cpu"}):
        with pytest.raises(ValueError, match=r"dtype or device was given with a function; accepted is a torch\.nn"):
            MAKE["denoiser"](lambda x, t: x / 2, **options)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"dtype": torch.int8}, "dtype = torch.int8 was given; accepted are torch.float64, torch.float32, torch.bfloa"),
        ({"autocast": torch.int64}, "autocast = torch.int64 was given"),
        ({"dtype": "float16"}, "dtype = float16 was given"),
        ({"memory": 0}, "memory = 0 was given; accepted is a number of bytes > 0"),
        ({"memory": -5}, "memory = -5 was given"),
    ],
)
def test_a_precision_that_is_none_is_refused(options, says):
    with pytest.raises(ValueError, match=says):
        Precision(**options)


class Wave(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x, t):
        return torch.sin(self.layer(x)) * t[:, None]


@pytest.mark.parametrize("backend", ["eager", pytest.param("aot_eager", marks=pytest.mark.slow)])
def test_a_compiled_network_says_the_same(backend, monkeypatch):
    asked, compiler = [], torch.compile

    def compile_with(network):
        asked.append(network)
        return compiler(network, backend=backend)

    monkeypatch.setattr(torch, "compile", compile_with)
    torch._dynamo.reset()
    network = Wave().double()
    plain = models.from_score(network, (4,), SigmaLevels())
    assert asked == []
    compiled = models.from_score(network, (4,), SigmaLevels(), precision=Precision(compile=True))
    assert asked == [network]
    x = normal(5, 4, dtype=torch.float64)
    torch.testing.assert_close(compiled.score(x, 1.0), plain.score(x, 1.0), rtol=1e-12, atol=1e-12)
    assert compiled.dtype == torch.float64


# --- networks of diffusers


@pytest.fixture(scope="module")
def tiny():
    return pytest.importorskip("tests.tiny_pipelines")


def load(tiny, name, **precision):
    return models.load(tiny.PIPELINES[name](), precision=Precision(**precision), **tiny.OPTIONS.get(name, {}))


def field_of(tiny, name, **precision):
    model, given = load(tiny, name, **precision), tiny.conditions_of(name)
    return models.conditional(model, model.levels.at(snr=1.0), given[0] if given else None), model


NAMES = ["ddpm", "ddpm-labels", "ldm", "dit", "stable-diffusion", "stable-diffusion-3", "flux"]
# relative errors: a dozen layers each rounded to that type, or nothing but the order of a sum
LOWER = {
    "bfloat16": ({"dtype": torch.bfloat16}, 0.05, 1e-4),
    "float16": ({"dtype": torch.float16}, 0.01, 1e-5),
    "autocast to bfloat16": ({"autocast": torch.bfloat16}, 0.05, 1e-4),
    "autocast to float16": ({"autocast": torch.float16}, 0.01, 1e-5),
    "float64": ({"dtype": torch.float64}, 1e-5, 0.0),
    "channels last": ({"channels_last": True}, 1e-5, 0.0),
    "batches": ({"memory": 100_000}, 1e-5, 0.0),
}


@pytest.mark.parametrize("kind", LOWER)
@pytest.mark.parametrize("name", NAMES)
def test_networks_of_diffusers_in_every_precision(name, kind, tiny):
    precision, most, least = LOWER[kind]
    (got, model), (wanted, plain) = field_of(tiny, name, **precision), field_of(tiny, name)
    for dtype in (torch.float32, torch.float64):
        x = normal(3, *model.shape, dtype=dtype)
        score, exact = got(x), wanted(x)
        assert score.dtype == dtype
        error = ((score - exact).norm() / exact.norm()).item()
        assert least <= error <= most, error
    assert model.dtype == precision.get("dtype", torch.float32)
    assert plain.dtype == torch.float32


def test_a_network_of_diffusers_is_told_its_step_in_half_precision(tiny):
    model, told = load(tiny, "ddpm", dtype=torch.bfloat16), []
    call = model.call
    model.call = lambda x, t, **inputs: told.append((x.dtype, t)) or call(x, t, **inputs)
    model.score(normal(2, 3, 8, 8), 999)
    assert told[0][0] == torch.bfloat16 and told[0][1].tolist() == [999, 999] and told[0][1].dtype == torch.int64
    model = load(tiny, "stable-diffusion-3", dtype=torch.bfloat16)
    call, told = model.call, []
    model.call = lambda x, t, **inputs: told.append((x.dtype, t)) or call(x, t, **inputs)
    model.score(normal(1, 4, 4, 4), 0.2345, "a cat")
    assert told[0][1].dtype == torch.float32 and told[0][1].item() == pytest.approx(234.5, rel=1e-6)


def test_the_memory_format_is_that_of_the_weights_and_the_input(tiny):
    pipeline, seen = tiny.ddpm(), []
    model = models.load(pipeline, precision=Precision(channels_last=True))
    assert pipeline.unet.conv_in.weight.is_contiguous(memory_format=torch.channels_last)
    call = model.call
    model.call = lambda x, t: seen.append(x) or call(x, t)
    model.score(normal(2, 3, 8, 8), 5)
    assert seen[0].is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("precision", [{}, {"channels_last": True}, {"memory": 150_000}], ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_forward_mode_agrees_with_reverse_mode(name, precision, tiny):
    # both give quadratic forms v'Jv, whether J is symmetric or not
    s, model = field_of(tiny, name, dtype=torch.float64, **precision)
    x, v = (normal(3, *model.shape, seed=seed, dtype=torch.float64) for seed in (1, 2))
    with torch.no_grad(), fwd.dual_level():
        forward = fwd.unpack_dual(s(fwd.make_dual(x, v))).tangent
    given = x.clone().requires_grad_()
    (reverse,) = torch.autograd.grad(s(given), given, v)
    step = 1e-3
    difference = (s(x + step * v) - s(x - step * v)) / (2 * step)
    form = (v * forward).flatten(1).sum(1)
    torch.testing.assert_close(form, (v * reverse).flatten(1).sum(1), rtol=1e-8, atol=1e-8)
    # parts of these networks run in float32 whatever they are given: 1e-7 over the step, and the step squared
    assert (forward - difference).norm() < 1e-3 * forward.norm()
    values = [
        estimators.hutchinson(s, x, [1.5, 2.0], num_probes=2, mode=mode, generator=generator(3)).value
        for mode in ("forward", "reverse")
    ]
    torch.testing.assert_close(values[0], values[1], rtol=1e-8, atol=1e-8)


def test_levels_of_a_flow_are_kept_apart_in_half_precision():
    network = Echo()
    model = models.from_velocity(network, (3,), time_scale=1000.0, precision=Precision(dtype=torch.bfloat16))
    assert isinstance(model.levels, FlowLevels)
    for t in (0.5, 0.5001):
        model.score(normal(1, 3), t)
    assert network.told[0].item() != network.told[1].item()
