"""Parts the networks are built from: seeded layers, sinusoidal features, the residual block.

Nothing here mixes the rows of a batch (no batch norm), so that a row's score depends on that row alone. Every part
takes float32 and float64 and has derivatives of every order except ReLU, whose second one is 0.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

__all__ = ["ResidualBlock", "class_labels", "geometric", "initialise", "linear", "sinusoidal"]


def linear(inputs: int, outputs: int) -> nn.Linear:
    """A float32 linear layer that has shapes but no numbers yet (torch's meta device): `initialise` gives it those.

    The constructor of torch would draw from the global generator, which belongs to the user.
    """
    return nn.Linear(inputs, outputs, device="meta", dtype=torch.float32)


def initialise(module: nn.Module, seed: int) -> None:
    """The initial weights torch would give, from a seed, for a module on the meta device.

    Linear layers and convolutions are uniform in `+-1/sqrt(inputs)`, biases as well; normalisations 1 and 0; embeddings
    standard normal, and last, so that a conditional network begins as the unconditional one of its seed.
    """
    generator = torch.Generator().manual_seed(seed)
    layers = list(module.modules())
    for layer in layers:
        if isinstance(layer, nn.Linear | nn.Conv2d):
            layer.to_empty(device="cpu")
            bound = 1 / math.sqrt(layer.weight[0].numel())
            for parameter in (layer.weight, layer.bias):
                if parameter is not None:
                    nn.init.uniform_(parameter, -bound, bound, generator=generator)
        elif isinstance(layer, nn.GroupNorm):
            layer.to_empty(device="cpu")
            nn.init.ones_(layer.weight)
            nn.init.zeros_(layer.bias)
    for layer in layers:
        if isinstance(layer, nn.Embedding):
            layer.to_empty(device="cpu")
            nn.init.normal_(layer.weight, generator=generator)


def class_labels(labels: Tensor | None, num_classes: int, rows: int, device: torch.device) -> Tensor | None:
    """Labels as an embedding takes them, (1,) or (B,): the null class for None; None for an unconditional network.

    Raises:
        ValueError: labels of another number than the rows, or for an unconditional network. Their values, from 0 to
            `num_classes` (the null class), are not checked here: outside, the embedding raises an IndexError.
    """
    if num_classes == 0:
        if labels is not None:
            raise ValueError("labels were given; the network is unconditional, accepted is None")
        return None
    if labels is None:
        return torch.full((1,), num_classes, device=device)
    labels = torch.as_tensor(labels, device=device).reshape(-1)
    if labels.dtype != torch.int64 or len(labels) not in (1, rows):
        raise ValueError(
            f"labels are {labels.dtype} of shape {tuple(labels.shape)}; accepted are int64, (1,) or ({rows},)"
        )
    return labels


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
