"""Small networks: a step of training, a batch of samples."""

import torch

from plaplace import networks
from plaplace.networks.recipes import recipe

from .common import DEVICES, Timed, device

SHAPES = {"edm-mlp": (8,), "d8-residual": (8,), "image-mlp": (1, 8, 8), "unet-28": (1, 28, 28)}


class Training(Timed):
    params = [list(SHAPES), DEVICES]
    param_names = ["recipe", "device"]

    def prepare(self, name, place):
        place = device(place)
        torch.manual_seed(0)
        data = torch.randn(512, *SHAPES[name])
        self.run = networks.start(data, recipe(name, num_steps=10**9), device=place)

    def time_step(self, name, place):
        networks.advance(self.run, lambda *_: True)
