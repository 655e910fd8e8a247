"""What the suite shares: how long to time, on which device and data type, which mixtures and networks.

A case runs on the device of the recorded configuration (`PLAPLACE_BENCH_DEVICE`, the CPU without it) and is skipped on
the other, so that the pages of every machine have the same parameters.
"""

import os
import time

import torch

from plaplace import GaussianMixture, LowRank

DEVICES = ["cpu", "cuda"]
DTYPES = {"float64": torch.float64, "float32": torch.float32}
KINDS = ["spherical", "diagonal", "low_rank", "full"]

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))


class Timed:
    """asv's settings, and `prepare(*case)` in the place of `setup`.

    asv calls `setup` before every single timed call, and would time cold caches and fresh pages; what a case prepares
    is kept here. Two rounds, each of at most 100 calls or 0.4 s; the whole suite has 8 minutes.
    """

    rounds = 2
    repeat = (2, 100, 0.4)
    warmup_time = 0.05
    timeout = 120
    _prepared = None

    def setup(self, *case):
        if self._prepared != case:
            self.prepare(*case)
            self._prepared = case


def device(name):
    """The device of a case; asv skips the case where it is not the configuration's or is not there."""
    if name != os.environ.get("PLAPLACE_BENCH_DEVICE", "cpu") or (name == "cuda" and not torch.cuda.is_available()):
        raise NotImplementedError
    return torch.device(name)


def wait(result):
    """Wait for the device of a tensor: what was asked of a GPU is not done when the call returns."""
    if result.is_cuda:
        torch.cuda.synchronize(result.device)


def ratio(work, floor, repeats=9):
    """Processor time of `work()` over that of `floor()`: median of neighbours, now the one first and now the other."""

    def seconds(call):
        start = time.process_time()
        call()
        return time.process_time() - start

    found = []
    for index in range(repeats + 1):
        if index % 2:
            above, below = seconds(work), seconds(floor)
        else:
            below, above = seconds(floor), seconds(work)
        found.append(above / below)
    return sorted(found[1:])[repeats // 2]  # the first ones warm the caches


def mixture(kind, d, k, n, dtype="float64", place="cpu", rank=8):
    """A mixture of k components in d dimensions, near enough that several of them matter, and n points."""
    g = torch.Generator().manual_seed(0)

    def normal(*shape):
        return torch.randn(*shape, dtype=torch.float64, generator=g)

    isotropic = 0.5 + torch.rand(k, dtype=torch.float64, generator=g)
    if kind == "spherical":
        covariance = isotropic
    elif kind == "diagonal":
        covariance = 0.5 + torch.rand(k, d, dtype=torch.float64, generator=g)
    elif kind == "low_rank":
        covariance = LowRank(isotropic, normal(k, d, min(rank, d)) / d**0.5)
    else:
        root = normal(k, d, d) / d**0.5
        covariance = root @ root.mT + 0.5 * torch.eye(d, dtype=torch.float64)
    means = normal(k, d) / d**0.5
    x = means[torch.arange(n) % k] + normal(n, d)
    q = GaussianMixture(torch.full((k,), 1 / k, dtype=torch.float64), means, covariance)
    return q.to(DTYPES[dtype], place), x.to(place, DTYPES[dtype])


def mlp(place="cpu", batch=256):
    """The small network of the speed targets, 64-256-256-256-64 in float32, and its points."""
    torch.manual_seed(0)
    layers = [torch.nn.Linear(64, 256)]
    for width in (256, 256, 64):
        layers += [torch.nn.SiLU(), torch.nn.Linear(256, width)]
    return torch.nn.Sequential(*layers).requires_grad_(False).to(place), torch.randn(batch, 64).to(place)


def unet(place="cpu", batch=8):
    """A U-Net for 28 x 28 pixels at one level of noise, as a score, and its points."""
    from plaplace.networks import UNet
    from plaplace.networks.recipes import recipe

    network = UNet(recipe("unet-28").network, seed=0).to(place).eval().requires_grad_(False)
    t = torch.full((1,), 50, device=place)

    def score(x):
        return -network(x, t.expand(len(x)))

    torch.manual_seed(0)
    return score, torch.randn(batch, 1, 28, 28).to(place)
