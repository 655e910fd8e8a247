"""Parts the networks are built from: seeded linear layers, sinusoidal features, the residual block.

Nothing here mixes the rows of a batch (no batch norm), so that a row's score depends on that row alone. Every part
takes float32 and float64 and has derivatives of every order except ReLU, whose second one is 0.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

__all__ = ["ResidualBlock", "geometric", "initialise", "linear", "sinusoidal"]


def linear(inputs: int, outputs: int) -> nn.Linear:
    """A float32 linear layer that has shapes but no numbers yet (torch's meta device): `initialise` gives it those.

    The constructor of torch would draw from the global generator, which belongs to the user.
    """
    return nn.Linear(inputs, outputs, device="meta", dtype=torch.float32)


def initialise(module: nn.Module, seed: int) -> None:
    """Weights and biases of every linear layer uniform in `+-1/sqrt(inputs)`, as torch does, from a seed."""
    generator = torch.Generator().manual_seed(seed)
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            layer.to_empty(device="cpu")
            bound = 1 / math.sqrt(layer.in_features)
            for parameter in (layer.weight, layer.bias):
                nn.init.uniform_(parameter, -bound, bound, generator=generator)


def geometric(number: int, first: float, last: float) -> Tensor:
    """`number` frequencies in a geometric sequence from `first` to `last`, shape (number,), default dtype float32."""
    return torch.logspace(math.log10(first), math.log10(last), number, dtype=torch.float64).float()


def sinusoidal(t: Tensor, frequencies: Tensor) -> Tensor:
    """`(sin(w_1 t), .., sin(w_m t), cos(w_1 t), .., cos(w_m t))` of t, shape (B,): shape (B, 2m).

    Source: Vaswani et al., "Attention is all you need" (2017), section 3.5, arXiv 1706.03762.

    >>> sinusoidal(torch.zeros(1), torch.ones(2))
    tensor([[0., 0., 1., 1.]])
    """
    phase = t[:, None] * frequencies
    return torch.cat([phase.sin(), phase.cos()], -1)


class ResidualBlock(nn.Module):
    """`h + W_2 act((1 + a) * W_1 h + b)`, with (a, b) a linear function of the noise embedding when there is one.

    Args:
        width: length of h.
        embedding: length of the noise embedding; 0 for a block without one.
        activation: the pointwise non-linearity.
    """

    def __init__(self, width: int, embedding: int, activation: nn.Module) -> None:
        super().__init__()
        self.first = linear(width, width)
        self.second = linear(width, width)
        self.modulation = linear(embedding, 2 * width) if embedding else None
        self.activation = activation

    def forward(self, h: Tensor, embedding: Tensor | None = None) -> Tensor:
        """h (B, width), embedding (B, embedding) or (1, embedding): shaped like h."""
        inner: Tensor = self.first(h)
        if self.modulation is not None:
            scale, shift = self.modulation(embedding).chunk(2, -1)
            inner = (1 + scale) * inner + shift
        result: Tensor = h + self.second(self.activation(inner))
        return result
