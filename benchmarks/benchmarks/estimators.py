"""Estimators: time beside one score call, and spread at a fixed number of calls."""

import torch

from plaplace import GaussianMixture, estimators

torch.set_num_threads(1)
DOUBLE = torch.float64


def mixture(d=64, k=10):
    g = torch.Generator().manual_seed(0)
    means = torch.randn(k, d, dtype=DOUBLE, generator=g)
    return GaussianMixture(torch.full((k,), 1 / k, dtype=DOUBLE), means, torch.full((k,), 0.5, dtype=DOUBLE)), g


class SphereFlux:
    params = ["iid", "antithetic", "frame", "orthonormal", "sobol"]
    param_names = ["directions"]

    def setup(self, directions):
        self.q, g = mixture()
        self.x = self.q.sample(16, g)
        generator = torch.Generator().manual_seed(0)
        self.network = torch.nn.Sequential(
            torch.nn.Linear(64, 256),
            torch.nn.SiLU(),
            torch.nn.Linear(256, 256),
            torch.nn.SiLU(),
            torch.nn.Linear(256, 64),
        ).double()
        self.generator = generator

    def time_sphere_flux(self, directions):
        with torch.no_grad():
            estimators.sphere_flux(
                self.network,
                self.x,
                [1.0, 2.0],
                radius=0.1,
                num_directions=128,
                directions=directions,
                generator=self.generator,
            )

    def track_standard_deviation(self, directions):
        """Relative, p = 2, over 50 repeats with 32 directions, R = 0.05."""
        values = torch.stack(
            [
                estimators.sphere_flux(
                    self.q.score,
                    self.x,
                    2.0,
                    radius=0.05,
                    num_directions=32,
                    directions=directions,
                    generator=torch.Generator().manual_seed(seed),
                ).value
                for seed in range(50)
            ]
        )
        return float((values.std(0) / values.mean(0).abs()).mean())
