"""Pipelines on another device (`--device cuda`): the same scores to rounding, and results where the points are."""

import pytest
import torch

from plaplace import models
from plaplace.models import Precision
from tests.small_networks import generator

tiny_pipelines = pytest.importorskip("tests.tiny_pipelines")


@pytest.mark.parametrize("name", tiny_pipelines.PIPELINES)
def test_a_pipeline_on_a_device(name, device):
    options = tiny_pipelines.OPTIONS.get(name, {})
    here = models.load(tiny_pipelines.PIPELINES[name](), **options)
    there = models.load(tiny_pipelines.PIPELINES[name](), device=device, **options)
    x, level = torch.randn(2, *here.shape, generator=generator(0)), here.levels.spread(3)[1]
    wanted = here.score(x, level, tiny_pipelines.conditions_of(name))
    for points in (x, x.to(device)):
        got = there.score(points, level, tiny_pipelines.conditions_of(name))
        assert got.device == points.device
        # float32 sums of a thousand terms in another order; matrix products may run in TF32 on a GPU
        torch.testing.assert_close(got.cpu(), wanted, rtol=5e-3, atol=5e-3 * float(wanted.abs().max()))
    if name not in ("ddpm-labels", "dit"):
        assert there.score(x.to(device), level).device.type == device.type
    images = torch.rand(2, 3, 8, 8, generator=generator(1))
    encoded = there.encode(images).cpu()
    torch.testing.assert_close(encoded, here.encode(images), rtol=5e-3, atol=5e-3)
    assert there.decode(encoded.to(device)).device.type == "cpu"


def test_a_check_on_a_device(device):
    network = torch.nn.Linear(4, 4, bias=False)
    torch.nn.init.eye_(network.weight)

    class Epsilon(torch.nn.Module):
        """The noise of N(0, I) data at alpha^2 + sigma^2 = 1: eps_hat = sigma x, here at one sigma."""

        def __init__(self):
            super().__init__()
            self.map = network

        def forward(self, x, t):
            return 0.6 * self.map(x)

    model = models.from_epsilon(Epsilon(), torch.tensor([0.64]), (4,), device=device)
    x = torch.randn(400, 4, generator=generator(2)).to(device)
    assert models.check(model, x, levels=[0], generator=generator(3)).ok


def test_half_precision_on_a_device(device):
    pipeline = tiny_pipelines.stable_diffusion()
    wanted = models.load(tiny_pipelines.stable_diffusion())
    model = models.load(pipeline, device=device, precision=Precision(dtype=torch.bfloat16, memory=200_000))
    x = torch.randn(5, *model.shape, generator=generator(4), dtype=torch.float64)
    got = model.score(x, 300, "a red cat")
    assert got.dtype == torch.float64 and got.device == x.device
    exact = wanted.score(x.float(), 300, "a red cat")
    assert float((got - exact).norm() / exact.norm()) < 0.1  # bfloat16 keeps 8 bits, and a network has many layers
