"""The Jacobian of a network that is a chain of linear layers and elementwise functions, without automatic
differentiation.

    s(x) = W_L f(.. f(W_1 x + b_1) ..) + b_L,      J = W_L D_(L-1) W_(L-1) .. D_1 W_1,      D_j = diag f'(h_j)

The slopes D_j are computed once a point; a product is then L matrix products and L - 1 multiplications, of many vectors
together. Reverse mode computes f' again for every vector, a fifth of its time on small networks.

A sum over the tangents `t_i = e_i - c w_i w` of a `Frame` is cheaper still: `W_1 t_i` and `t_i'W_L` are columns of W_1
and rows of W_L less multiples of `W_1 w` and `w'W_L`, and only the L - 2 layers between are matrix products.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

__all__ = ["Chain"]

# each number to one of its own, with a derivative that autograd knows
ELEMENTWISE = (nn.SiLU, nn.ReLU, nn.GELU, nn.ELU, nn.Softplus, nn.Tanh, nn.Sigmoid, nn.LeakyReLU, nn.Mish)
_NUMBERS = 2**16  # of one layer's vectors in one matrix product; more leave a CPU's cache


@dataclass(frozen=True)
class Chain:
    """The network at points (b, D).

    Attributes:
        weights: W_1 .. W_L, each (out, in).
        slopes: diagonals of D_1 .. D_(L-1), each (b, width).
        value: s, (b, D).
    """

    weights: list[Tensor]
    slopes: list[Tensor]
    value: Tensor

    @staticmethod
    def at(score: object, points: Tensor) -> Chain | None:
        """The chain at points (b, D); None where the score is not known to be one, two linear layers at least."""
        layers = _layers(score, points)
        if layers is None:
            return None
        weights, slopes, value = [], [], points.detach()
        for linear, function in layers:
            weights.append(linear.weight.detach())
            value = nn.functional.linear(value, weights[-1], None if linear.bias is None else linear.bias.detach())
            if function is not None:
                with torch.enable_grad():
                    before = value.requires_grad_()
                    after = function(before)
                    (slope,) = torch.autograd.grad(after, before, torch.ones_like(after))
                value = after.detach()
                slopes.append(slope)
        return Chain(weights, slopes, value)

    def products(self, vectors: Tensor) -> Iterator[Tensor]:
        """`J v` for k vectors of each point, (k, b, D), as parts (some, b, D) in their order."""
        buffers = self._buffers(vectors.shape[0])
        for some in vectors.split(buffers[0].shape[0]):
            first = _multiply(some.to(self.value), self.weights[0].mT, buffers[0][: some.shape[0]])
            last = self._through(first.mul_(self.slopes[0]), buffers)
            yield last @ self.weights[-1].mT

    def tangential(self, mirror: Tensor, scale: Tensor, start: int, stop: int) -> Tensor:
        """`t_i'Jt_i`, (b, stop - start) float64, of the tangents `t_i = e_i - scale w_i w` with i = start .. stop - 1.

        Args:
            mirror: w, (b, D) float64.
            scale: (b,) float64.
        """
        w = mirror.to(self.value)
        share = (scale[:, None] * mirror).T.contiguous().to(w)  # (D, b)
        into, out = self.weights[0].mT.contiguous(), self.weights[-1]
        into_w, out_w = self.slopes[0] * (w @ into), w @ out  # D_1 W_1 w and W_L'w
        buffers = self._buffers(stop - start)
        own, shared = w.new_empty(stop - start, w.shape[0]), w.new_empty(stop - start, w.shape[0])
        together = buffers[0].shape[0]
        for at in range(start, stop, together):
            these = slice(at, min(at + together, stop))
            first = torch.mul(into[these, None], self.slopes[0], out=buffers[0][: these.stop - at])
            last = self._through(first.addcmul_(share[these, :, None], into_w, value=-1), buffers)
            own[at - start : these.stop - start] = torch.bmm(out[these, None], last.mT)[:, 0]
            torch.linalg.vecdot(last, out_w, out=shared[at - start : these.stop - start])
        return (own.double() - share[start:stop].double() * shared.double()).T

    def _through(self, vectors: Tensor, buffers: list[Tensor]) -> Tensor:
        """Of the first hidden layer, (k, b, width), to the last one, in the buffers of these layers."""
        for weight, slope, buffer in zip(self.weights[1:-1], self.slopes[1:], buffers[1:], strict=True):
            vectors = _multiply(vectors, weight.mT, buffer[: vectors.shape[0]]).mul_(slope)
        return vectors

    def _buffers(self, most: int) -> list[Tensor]:
        """Room for the vectors of each hidden layer, (k, b, width), made once: fresh memory costs page faults."""
        widest = max(each.shape[1] for each in self.slopes)
        together = min(most, max(1, _NUMBERS // (widest * max(1, self.value.shape[0]))))
        return [slope.new_empty(together, *slope.shape) for slope in self.slopes]


def _multiply(vectors: Tensor, matrix: Tensor, out: Tensor) -> Tensor:
    """(k, b, n) times (n, m), into (k, b, m)."""
    torch.mm(vectors.flatten(0, 1), matrix, out=out.view(-1, matrix.shape[1]))
    return out


def _layers(score: object, points: Tensor) -> list[tuple[nn.Linear, nn.Module | None]] | None:
    """Linear layers, each with the function that follows it, none the last; or None.

    Exact types alone: subclasses, hooks and parametrisations may compute something else.
    """
    if type(score) is not nn.Sequential or len(score) < 3 or len(score) % 2 == 0 or points.ndim != 2:
        return None
    linears = [each for each in list(score)[0::2] if type(each) is nn.Linear]
    functions = list(score)[1::2]
    if 2 * len(linears) != len(score) + 1:
        return None
    if any(type(f) not in ELEMENTWISE or getattr(f, "inplace", False) for f in functions):
        return None
    if any(each._forward_hooks or each._forward_pre_hooks for each in (score, *score)):
        return None
    widths = [linears[0].in_features, *(each.out_features for each in linears)]
    fitting = all(each.in_features == width for each, width in zip(linears, widths[:-1], strict=True))
    if not fitting or {widths[0], widths[-1]} != {points.shape[1]}:
        return None  # the call itself says what is wrong
    if any(each.weight.dtype != points.dtype or each.weight.device != points.device for each in linears):
        return None
    if points.dtype not in (torch.float32, torch.float64) or torch.is_autocast_enabled(points.device.type):
        return None
    return list(zip(linears, [*functions, None], strict=True))
