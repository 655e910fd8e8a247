"""Hypothesis profiles, threads and the device option of the suite."""

import os

import numpy as np
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


@pytest.fixture(scope="session")
def scan_inputs(tmp_path_factory):
    """A folder with images (12 memorized, 60 not) and a reference of 300, and the exact model that has memorized."""
    from tests.scan_models import exact, write_folder

    folder = tmp_path_factory.mktemp("scan-inputs")
    model, memorized, others, reference = exact()
    write_folder(folder / "images", np.concatenate([memorized, others]))
    write_folder(folder / "reference", reference)
    return folder, model


@pytest.fixture(scope="session")
def scanned(scan_inputs):
    """The folder of a scan of them with seed 3, and its table."""
    from plaplace import scan

    folder, model = scan_inputs
    return folder / "scan", scan.run(model, folder / "images", folder / "scan", reference=folder / "reference", seed=3)
