"""Products with the Jacobian of the score, and orthonormal bases that begin with the normal.

Reverse mode gives `J'v` on one shared forward pass, forward mode `Jv` with a pass each; `v'J'v = v'Jv`, so that either
serves quadratic forms and traces, whether J is symmetric or not. A product counts as 2 evaluations. A plain chain of
linear layers and elementwise functions needs neither: see `_chain`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.autograd.forward_ad as fwd
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from plaplace.estimators._chain import Chain
from plaplace.estimators._rows import Rows

__all__ = ["Frame", "Jacobian", "check_mode"]

_NUMBERS, _NUMBERS_ELSEWHERE = 2**17, 2**22  # of vectors in memory at once, on a CPU to stay in its cache


def check_mode(mode: str) -> None:
    """Raise a ValueError unless the mode is "reverse" or "forward"."""
    if mode not in ("reverse", "forward"):
        raise ValueError(f"mode = {mode!r} was given; accepted are 'reverse' and 'forward'")


class Jacobian:
    """Jacobians of the score at points (b, D), as products. Create and use it inside `Jacobian.at`.

    `failed`, (b,), counts the scores and products of each point that had a NaN or infinite entry. `block` is how many
    vectors a point are best made at once.
    """

    def __init__(self, rows: Rows, points: Tensor, mode: str) -> None:
        self.rows, self.mode = rows, mode
        self.points = points.detach().clone().requires_grad_(mode == "reverse")
        self.failed = torch.zeros(len(points), dtype=torch.int64, device=points.device)
        numbers = _NUMBERS if points.device.type == "cpu" else _NUMBERS_ELSEWHERE
        self.block = max(1, numbers // max(1, points.numel()))
        self._chain = Chain.at(rows.score, points) if len(rows.shape) == 1 else None
        self._answer = rows.call(self.points) if mode == "reverse" and self._chain is None else None
        if self._answer is not None and not self._answer.requires_grad:
            raise ValueError(
                "score has no graph: it does not depend on x, or it detaches it or runs under torch.no_grad; "
                "mode = 'forward' differentiates under no_grad, finite_difference and sphere_flux need no derivative"
            )

    @staticmethod
    @contextlib.contextmanager
    def at(rows: Rows, points: Tensor, mode: str) -> Iterator[Jacobian]:
        """The Jacobians at some points, one shared forward pass in reverse mode and none yet in forward mode."""
        if mode == "reverse":
            with torch.enable_grad():
                yield Jacobian(rows, points, mode)
        else:
            # the fused attention kernels have no forward-mode derivative, their plain form has one
            with torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
                yield Jacobian(rows, points, mode)

    def scores(self) -> Tensor:
        """Scores (b, D) in float64; one evaluation in forward mode, the shared pass in reverse mode."""
        if self._chain is not None:
            answer = self._chain.value
        else:
            answer = self.rows.call(self.points) if self._answer is None else self._answer
        wide = answer.detach().double()
        self.failed += ~wide.sum(-1).isfinite()
        return wide

    def products(self, vectors: Tensor) -> Tensor:
        """`J'v` (reverse) or `Jv` (forward, chain) for k vectors a point, (b, k, D) float64 to the same."""
        answers = torch.cat(list(self._products(vectors))).transpose(0, 1).double()
        self.failed += (~answers.sum(-1).isfinite()).sum(1)
        return answers

    def forms(self, vectors: Tensor) -> Tensor:
        """`v'Jv`, shape (b, k) float64, for k vectors a point, (b, k, D) float64."""
        forms, done = [], 0
        for product in self._products(vectors):
            some = vectors[:, done : done + product.shape[0]].transpose(0, 1)
            forms.append(torch.linalg.vecdot(some, product.double()))
            done += product.shape[0]
        return self._seen(torch.cat(forms).T)

    def forms_beside(self, vectors: Tensor, normal: Tensor) -> tuple[Tensor, Tensor]:
        """`v'Jv` and, of the same products, `n'J'v` (reverse) or `n'Jv` (forward, chain), both (b, k) float64.

        Args:
            vectors: (b, k, D) float64.
            normal: n, (b, D) float64.
        """
        forms, beside, done = [], [], 0
        for product in self._products(vectors):
            wide = product.double()
            forms.append(torch.linalg.vecdot(vectors[:, done : done + len(wide)].transpose(0, 1), wide))
            beside.append(torch.linalg.vecdot(wide, normal))
            done += len(wide)
        return self._seen(torch.cat(forms).T), torch.cat(beside).T

    def tangential(self, frame: Frame) -> Tensor:
        """`sum_i t_i'Jt_i` over the tangents of the frame, (b,) float64."""
        number = self.points.shape[1] - 1
        if self._chain is not None:
            return self._seen(self._chain.tangential(frame.mirror, frame.scale, 1, number + 1)).sum(1)
        total = torch.zeros_like(frame.scale)
        for start in range(0, number, self.block):
            total += self.forms(frame.tangents(start, min(start + self.block, number))).sum(1)
        return total

    def _seen(self, forms: Tensor) -> Tensor:
        self.failed += (~forms.isfinite()).sum(1)
        return forms

    def _products(self, vectors: Tensor) -> Iterator[Tensor]:
        """In parts (some, b, D)."""
        # vectors first: each product then sees a contiguous (b, D)
        tangents = vectors.transpose(0, 1).to(self.points.dtype).contiguous()
        if self._chain is not None:
            yield from self._chain.products(tangents)
            return
        one = self._forward if self._answer is None else self._reverse
        for each in tangents.unbind():
            yield one(each)[None]

    def _reverse(self, vector: Tensor) -> Tensor:
        assert self._answer is not None
        weights = vector.to(self._answer.dtype)
        (gradient,) = torch.autograd.grad(self._answer, self.points, weights, retain_graph=True, allow_unused=True)
        if gradient is None:
            raise ValueError("score has a graph that does not reach x: it detaches x before it uses it")
        return gradient

    def _forward(self, vector: Tensor) -> Tensor:
        with fwd.dual_level():
            tangent: Tensor | None = fwd.unpack_dual(self.rows.call(fwd.make_dual(self.points, vector))).tangent
        if tangent is None:
            raise ValueError("score has no forward-mode derivative: it does not depend on x, or it detaches it")
        return tangent


@dataclass(frozen=True)
class Frame:
    """For each point an orthonormal basis of R^D: the unit normal n first, then tangent vectors.

    The tangent vectors are columns 2 to D of the Householder reflection `Q = I - 2 w w'/w'w`, `w = n + sign(n_1) e_1`,
    which takes e_1 to -+n (the sign avoids cancellation: Golub, Van Loan, "Matrix computations", section 5.1). Where
    n = 0 (a critical point) Q = I and the first vector is e_1, which belongs to the trace like all the others.

    Attributes:
        normal: (b, D) float64.
        critical: (b,) where n = 0.
        mirror: w, (b, D).
        scale: 2/w'w, (b,), 0 where n = 0.
    """

    normal: Tensor
    critical: Tensor
    mirror: Tensor
    scale: Tensor

    @staticmethod
    def of(normal: Tensor) -> Frame:
        square = normal.square().sum(-1)
        critical = square == 0
        sign = torch.where(normal[:, 0] < 0, -1.0, 1.0).to(normal)
        mirror = normal.clone()
        mirror[:, 0] += sign * ~critical
        # w'w = n'n + 2 |n_1| + 1
        scale = torch.where(critical, torch.zeros_like(square), 2 / (square + 2 * normal[:, 0].abs() + 1))
        return Frame(normal, critical, mirror, scale)

    def first(self) -> Tensor:
        """n, or e_1 at a critical point; (b, 1, D)."""
        first = self.normal.clone()
        first[:, 0] += self.critical
        return first[:, None]

    def reflect(self, vectors: Tensor) -> Tensor:
        """`Q v` for vectors (b, k, D), or (k, D) the same for each point; (b, k, D), in memory one vector of all points
        after the other. Q is its own inverse."""
        if vectors.ndim == 2:
            along, vectors = vectors @ self.mirror.T, vectors[:, None]
        else:
            along, vectors = torch.einsum("bkd,bd->kb", vectors, self.mirror), vectors.transpose(0, 1)
        return torch.addcmul(vectors, (along * self.scale)[..., None], self.mirror, value=-1).transpose(0, 1)

    def tangents(self, start: int, stop: int) -> Tensor:
        """Tangent vectors number `start` to `stop - 1` of 0 .. D-2, (b, stop - start, D), in memory as by `reflect`."""
        share = (self.scale[:, None] * self.mirror[:, start + 1 : stop + 1]).T
        vectors = -share[..., None] * self.mirror
        vectors.diagonal(start + 1, 0, 2).add_(1)
        return vectors.transpose(0, 1)

    def embed(self, coordinates: Tensor) -> Tensor:
        """Tangent vectors (b, k, D) with coordinates (k, D-1) or (b, k, D-1) in that basis."""
        return self.reflect(torch.nn.functional.pad(coordinates, (1, 0)))

    def coordinates(self, vectors: Tensor) -> Tensor:
        """Tangential coordinates (b, k, D-1) of vectors (b, k, D)."""
        return self.reflect(vectors)[..., 1:]

    def split(self, first: Tensor) -> tuple[Tensor, Tensor]:
        """The form (b, 1) along the first vector as n'Jn and a share of the tangential trace: 0 and it where n = 0."""
        first = first[:, 0]
        zero = torch.zeros_like(first)
        return torch.where(self.critical, zero, first), torch.where(self.critical, first, zero)
