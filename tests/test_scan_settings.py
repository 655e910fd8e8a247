"""How many images a scan shows the network together."""

from types import SimpleNamespace

import pytest

from plaplace.models import SigmaLevels
from plaplace.scan.settings import Settings


def batch(shape, calls=16, device="cpu", given=None):
    model = SimpleNamespace(shape=shape, levels=SigmaLevels())
    settings = Settings.make(
        model, device, statistics=None, score="profile", levels=None, calls=calls, tolerance=None,
        reference=True, condition="none", seed=0, batch=given, threads=1,
    )  # fmt: skip
    return settings.batch


@pytest.mark.parametrize(
    ("shape", "calls", "device", "images"),
    [
        ((1, 28, 28), 16, "cpu", 5),  # of 784 numbers, 16 times each: 62,720 of 65,536
        ((1, 8, 8), 16, "cpu", 64),
        ((1, 8, 8), 32, "cpu", 32),
        ((3, 512, 512), 16, "cpu", 1),  # never none
        ((1, 28, 28), 16, "cuda", 334),  # 4,194,304 numbers: a GPU has no such cache to leave
    ],
)
def test_a_batch_of_directions_fits_the_cache(shape, calls, device, images):
    assert batch(shape, calls, device) == images
    assert batch(shape, calls, device, given=7) == 7
