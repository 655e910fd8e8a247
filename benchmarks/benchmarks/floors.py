"""What the machine itself can do: matrix products, exponentials, sums, a convolution, a call.

Every other time is read beside these; and they show which of a configuration's switches acted (README.md).
"""

import numpy as np
import torch

from .common import DEVICES, Timed, device, wait


class Floor(Timed):
    params = [["float64", "float32"], DEVICES]
    param_names = ["dtype", "device"]

    def prepare(self, dtype, name):
        place = device(name)
        torch.manual_seed(0)
        self.square = torch.randn(768, 768, dtype=getattr(torch, dtype)).to(place)
        self.long = torch.rand(2_000_000, dtype=self.square.dtype).to(place)
        self.convolution = torch.nn.Conv2d(64, 64, 3, padding=1).requires_grad_(False).to(self.square)
        self.images = torch.randn(8, 64, 28, 28, dtype=self.square.dtype).to(place)
        self.small = self.long[:1]

    def time_matrix_product(self, dtype, name):
        """768 x 768: 0.906 GFLOP."""
        wait(self.square @ self.square)

    def time_exponential(self, dtype, name):
        """Two million."""
        wait(self.long.exp())

    def time_sum(self, dtype, name):
        """Two million."""
        wait(self.long.sum())

    def time_convolution(self, dtype, name):
        """64 to 64 channels, 3 x 3, eight images of 28 x 28."""
        wait(self.convolution(self.images))

    def time_call(self, dtype, name):
        """One number: what torch takes to be asked."""
        wait(self.small + 1)


class Numpy(Timed):
    def prepare(self):
        self.square = np.random.default_rng(0).standard_normal((768, 768))
        self.long = np.random.default_rng(0).random(2_000_000)

    def time_matrix_product(self):
        self.square @ self.square

    def time_exponential(self):
        np.exp(self.long)
