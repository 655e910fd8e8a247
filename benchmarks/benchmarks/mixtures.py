"""The exact core: time and memory by covariance kind, size, data type and device."""

import torch

from .common import DEVICES, DTYPES, KINDS, Timed, device, mixture, wait

FIVE = [1.0, 1.5, 2.0, 3.0, 4.0]

# the cases whose floors and rivals are known: kind, D, K, N; rank 60 where it is low
CASES = {
    f"{kind} D={d} K={k} N={n}": (kind, d, k, n)
    for kind, d, k, n in [
        ("full", 2, 8, 100_000),
        ("full", 64, 64, 4096),
        ("low_rank", 784, 100, 64),
        ("diagonal", 64, 64, 4096),
        ("spherical", 64, 64, 4096),
        ("spherical", 784, 100, 256),
        ("spherical", 3072, 50, 64),
    ]
}


class Mixtures(Timed):
    params = [list(CASES), list(DTYPES), DEVICES]
    param_names = ["case", "dtype", "device"]

    def prepare(self, case, dtype, name):
        self.q, self.x = mixture(*CASES[case], dtype, device(name), rank=60)

    def time_p_laplacian(self, case, dtype, name):
        wait(self.q.p_laplacian(self.x, 1.0))

    def time_p_laplacian_five_exponents(self, case, dtype, name):
        wait(self.q.p_laplacian(self.x, FIVE))

    def time_laplacian(self, case, dtype, name):
        wait(self.q.laplacian(self.x))

    def time_score(self, case, dtype, name):
        wait(self.q.score(self.x))

    def time_log_prob(self, case, dtype, name):
        wait(self.q.log_prob(self.x))


class Large(Timed):
    """Full covariances of 28 x 28 pixels."""

    params = [list(DTYPES), DEVICES]
    param_names = ["dtype", "device"]

    def prepare(self, dtype, name):
        self.q, self.x = mixture("full", 784, 10, 64, dtype, device(name))

    def time_p_laplacian(self, dtype, name):
        wait(self.q.p_laplacian(self.x, 1.0))


class Growth(Timed):
    """One size at a time, around D = 16, K = 16, N = 1024."""

    params = [KINDS, ["base", "N x 16", "K x 16", "D x 16"], DEVICES]
    param_names = ["kind", "size", "device"]

    def prepare(self, kind, size, name):
        n, k, d = (16 if size.startswith(letter) else 1 for letter in "NKD")
        self.q, self.x = mixture(kind, 16 * d, 16 * k, 1024 * n, place=device(name))

    def time_p_laplacian(self, kind, size, name):
        wait(self.q.p_laplacian(self.x, 1.0))


class Memory:
    """Flat in N beyond points and results."""

    params = [KINDS, [2_000, 200_000]]
    param_names = ["kind", "N"]
    timeout = 120

    def setup(self, kind, n):
        device("cpu")
        self.q, self.x = mixture(kind, 16, 32, n)

    def peakmem_p_laplacian(self, kind, n):
        self.q.p_laplacian(self.x, 1.0)


class Preparation(Timed):
    """What is done once a mixture: building it, noising it, and a ball mean."""

    params = [KINDS, DEVICES]
    param_names = ["kind", "device"]

    def prepare(self, kind, name):
        self.q, self.x = mixture(kind, 64, 64, 16, place=device(name))
        self.plane, self.points = mixture(kind, 2, 5, 16, place=device(name))

    def time_noised_and_first_value(self, kind, name):
        wait(self.q.noised(0.9, 0.3).p_laplacian(self.x, 1.0))

    def time_sample(self, kind, name):
        self.q.sample(1024, torch.Generator().manual_seed(0))

    def time_ball_mean(self, kind, name):
        wait(self.plane.ball_mean(self.points, 1.0, 0.5))
