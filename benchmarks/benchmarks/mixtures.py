"""The exact core: time, memory and error by covariance kind and size."""

import torch

from plaplace import GaussianMixture, LowRank

torch.set_num_threads(1)
DOUBLE = torch.float64

# (D, K, N): the cases whose floors and rivals are known
SIZES = {
    "spherical": [(64, 64, 4096), (784, 100, 256)],
    "diagonal": [(64, 64, 4096)],
    "full": [(2, 8, 20000), (64, 64, 512)],
    "low_rank": [(784, 10, 128)],
}


def make(kind, d, k, n):
    g = torch.Generator().manual_seed(0)
    means = 2 * torch.randn(k, d, dtype=DOUBLE, generator=g)
    x = 2 * torch.randn(n, d, dtype=DOUBLE, generator=g)
    if kind == "spherical":
        covariances = torch.rand(k, dtype=DOUBLE, generator=g) + 0.5
    elif kind == "diagonal":
        covariances = torch.rand(k, d, dtype=DOUBLE, generator=g) + 0.5
    elif kind == "full":
        root = torch.randn(k, d, d, dtype=DOUBLE, generator=g) / d**0.5
        covariances = root @ root.mT + 0.5 * torch.eye(d, dtype=DOUBLE)
    else:
        covariances = LowRank(
            torch.rand(k, dtype=DOUBLE, generator=g) + 0.5, torch.randn(k, d, 12, dtype=DOUBLE, generator=g) / d**0.5
        )
    return GaussianMixture(torch.full((k,), 1 / k, dtype=DOUBLE), means, covariances), x


class Mixtures:
    params = [f"{kind} D={d} K={k} N={n}" for kind, sizes in SIZES.items() for d, k, n in sizes]
    param_names = ["case"]

    def setup(self, case):
        kind, *sizes = case.split()
        self.q, self.x = make(kind, *(int(size.split("=")[1]) for size in sizes))

    def time_p_laplacian_five_exponents(self, case):
        self.q.p_laplacian(self.x, [1.0, 1.5, 2.0, 3.0, 4.0])

    def time_laplacian(self, case):
        self.q.laplacian(self.x)

    def time_score(self, case):
        self.q.score(self.x)

    def peakmem_p_laplacian(self, case):
        self.q.p_laplacian(self.x, 1.0)


class IsotropicError:
    """Largest relative error against -(D+p-2) r^(p-2) / w^(2p-2), the value known on paper."""

    params = ([2, 64, 3072], [1.0, 1.5, 3.0])
    param_names = ["D", "p"]

    def setup(self, d, p):
        g = torch.Generator().manual_seed(0)
        self.x = torch.randn(64, d, dtype=DOUBLE, generator=g)
        self.q = GaussianMixture(
            torch.ones(1, dtype=DOUBLE), torch.zeros(1, d, dtype=DOUBLE), torch.full((1,), 0.49, dtype=DOUBLE)
        )

    def track_relative_error(self, d, p):
        want = -(d + p - 2) * self.x.norm(dim=1) ** (p - 2) / 0.49 ** (p - 1)
        return float((self.q.p_laplacian(self.x, p) / want - 1).abs().max())
