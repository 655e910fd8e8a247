"""The algebra: p-Laplacians from the score, the normal part and the trace, without any mixture or network."""

import torch

from plaplace.operators import p_laplacian, unit_normal

from .common import DEVICES, DTYPES, Timed, device, wait


class Operators(Timed):
    params = [list(DTYPES), DEVICES]
    param_names = ["dtype", "device"]

    def prepare(self, dtype, name):
        place = device(name)
        torch.manual_seed(0)
        self.numbers = torch.rand(3, 100_000, dtype=DTYPES[dtype]).add(0.1).to(place)
        self.scores = torch.randn(100_000, 16, dtype=DTYPES[dtype]).to(place)

    def time_p_laplacian(self, dtype, name):
        wait(p_laplacian(*self.numbers, [1.0], 0.0))

    def time_p_laplacian_five_exponents(self, dtype, name):
        wait(p_laplacian(*self.numbers, [1.0, 1.5, 2.0, 3.0, 4.0], 0.0))

    def time_p_laplacian_regularised(self, dtype, name):
        wait(p_laplacian(*self.numbers, [1.0], 0.1))

    def time_unit_normal(self, dtype, name):
        wait(unit_normal(self.scores)[1])
