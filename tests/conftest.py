"""Hypothesis profiles, threads and the device option of the suite."""

import os

import pytest
import torch
from hypothesis import HealthCheck, settings

settings.register_profile("fast", max_examples=20, deadline=None, derandomize=True)
settings.register_profile(
    "full", max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("PLAPLACE_PROFILE", "fast"))
torch.set_num_threads(1)  # a second thread beside a busy core costs a factor of several


def pytest_addoption(parser):
    parser.addoption("--device", default="cpu", help="where tests that take a device run: cpu or cuda")


@pytest.fixture(scope="session")
def device(request):
    name = request.config.getoption("--device")
    if name.startswith("cuda") and not torch.cuda.is_available():
        pytest.fail(f"--device {name} was given, but torch sees no CUDA device")
    return torch.device(name)
