"""Every scheduler, beta schedule and prediction type of diffusers: a mixture dressed as the U-Net gives back its score.

The truth takes alpha and sigma from `DDPMScheduler.add_noise` on the scheduler's own table: what training uses.
"""

import pytest
import torch

from plaplace import models
from tests.dressed import DressedUNet, assert_recovers, mixture

diffusers = pytest.importorskip("diffusers")
pytestmark = pytest.mark.filterwarnings("ignore:__array:DeprecationWarning")

SHAPE = (1, 2, 3)
Q = mixture(6, seed=3)
KINDS = {"epsilon": "epsilon", "v_prediction": "v", "sample": "sample"}

SCHEDULES = [
    ("DDPMScheduler", {"beta_schedule": "linear"}),
    ("DDPMScheduler", {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}),
    ("DDPMScheduler", {"beta_schedule": "squaredcos_cap_v2"}),
    ("DDPMScheduler", {"beta_schedule": "sigmoid"}),
    ("DDPMScheduler", {"beta_schedule": "laplace"}),
    ("DDPMScheduler", {"trained_betas": [0.001 * (1 + i % 7) for i in range(1000)]}),
    ("DDPMScheduler", {"num_train_timesteps": 100, "beta_end": 0.2}),
    ("DDPMScheduler", {"rescale_betas_zero_snr": True}),
    ("DDIMScheduler", {"beta_schedule": "scaled_linear", "rescale_betas_zero_snr": True}),
    ("DDIMScheduler", {"beta_schedule": "linear", "timestep_spacing": "trailing"}),
    ("EulerDiscreteScheduler", {"beta_schedule": "scaled_linear", "rescale_betas_zero_snr": True}),
    ("EulerDiscreteScheduler", {"beta_schedule": "squaredcos_cap_v2", "use_karras_sigmas": True}),
]
SAMPLERS = [
    "PNDMScheduler",
    "EulerAncestralDiscreteScheduler",
    "HeunDiscreteScheduler",
    "LMSDiscreteScheduler",
    "KDPM2DiscreteScheduler",
    "DPMSolverMultistepScheduler",
    "DPMSolverSinglestepScheduler",
    "UniPCMultistepScheduler",
    "DEISMultistepScheduler",
    "LCMScheduler",
]
ALL = [*SCHEDULES, *((name, {"steps_offset": 1} if name == "PNDMScheduler" else {}) for name in SAMPLERS)]


def names(cases):
    return [f"{name}-{'-'.join(str(v)[:18] for v in options.values())}" for name, options in cases]


def make(name, options, prediction):
    return getattr(diffusers, name)(prediction_type=prediction, **options)


def levels_of(scheduler):
    """t -> (alpha, sigma), from what the scheduler's add_noise does to a signal alone and to noise alone."""
    one, zero = torch.ones(1, 1, dtype=torch.float64), torch.zeros(1, 1, dtype=torch.float64)
    noising = diffusers.DDPMScheduler(len(scheduler.alphas_cumprod))
    noising.alphas_cumprod = scheduler.alphas_cumprod.double()
    if scheduler.config.get("rescale_betas_zero_snr"):
        noising.alphas_cumprod[-1] = 0  # as Lin et al. have it; Euler's 2^-24 is for its sampler

    def at(t):
        t = torch.tensor([int(t)])
        alpha = noising.add_noise(one, zero, t)
        sigma = noising.add_noise(zero, one, t)
        return float(alpha), float(sigma)

    return at


def dressed(name, options, prediction, dtype):
    scheduler = make(name, options, prediction)
    at = levels_of(scheduler)
    network = DressedUNet(KINDS[prediction], Q, at, SHAPE, dtype=dtype)
    return models.load(diffusers.DDPMPipeline(network, scheduler)), at, network


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("prediction", KINDS)
@pytest.mark.parametrize(("name", "options"), ALL, ids=names(ALL))
def test_the_score_comes_back(name, options, prediction, dtype):
    model, at, _ = dressed(name, options, prediction, dtype)
    last = len(model.levels) - 1
    for t in sorted({0, 1, last // 10, last // 2, last - 1, last}):
        assert_recovers(model, KINDS[prediction], Q, model.levels[t], at(t), dtype=dtype, points=2)


@pytest.mark.slow
@pytest.mark.parametrize("prediction", KINDS)
@pytest.mark.parametrize(("name", "options"), SCHEDULES, ids=names(SCHEDULES))
def test_at_every_level(name, options, prediction):
    for dtype in (torch.float64, torch.float32):
        model, at, _ = dressed(name, options, prediction, dtype)
        for level in model.levels:
            assert_recovers(model, KINDS[prediction], Q, level, at(level.t), dtype=dtype, points=1)


def test_zero_terminal_snr_is_noise_alone():
    model, _, _ = dressed("DDPMScheduler", {"rescale_betas_zero_snr": True}, "v_prediction", torch.float64)
    assert model.levels[999].alpha == pytest.approx(0, abs=1e-6)
    x = torch.randn(2, *SHAPE, dtype=torch.float64)
    assert torch.allclose(model.score(x, 999), -x, atol=1e-4)


def test_flow_prediction_of_the_variance_preserving_solvers():
    scheduler = diffusers.UniPCMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0
    )
    network = DressedUNet("velocity", Q, lambda t: (1 - t / 1000, t / 1000), SHAPE, dtype=torch.float64)
    model = models.load(diffusers.DDPMPipeline(network, scheduler))
    for level in (model.levels.at(t=0.001), model.levels.at(t=0.3), model.levels.at(t=1.0)):
        assert_recovers(model, "velocity", Q, level, (1 - level.t, level.t))


def test_schedulers_without_a_table_are_a_sentence():
    pipeline = diffusers.DDPMPipeline(
        DressedUNet("epsilon", Q, lambda t: (1.0, 1.0), SHAPE), diffusers.EDMEulerScheduler()
    )
    with pytest.raises(ValueError, match="EDMEulerScheduler was given; accepted are those with a table alphas_cumprod"):
        models.load(pipeline)


def test_contradictions_of_a_scheduler_are_refused():
    network = DressedUNet("epsilon", Q, lambda t: (1.0, 1.0), SHAPE)
    for scheduler, says in (
        (diffusers.UniPCMultistepScheduler(use_flow_sigmas=True), "use_flow_sigmas was given by the scheduler"),
        (diffusers.FlowMatchEulerDiscreteScheduler(invert_sigmas=True), "invert_sigmas was given by the scheduler"),
    ):
        with pytest.raises(ValueError, match=says):
            models.load(diffusers.DDPMPipeline(network, scheduler))
