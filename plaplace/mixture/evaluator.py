"""The values of a mixture at points: by the fast forms where they can be trusted, else by differences."""

from __future__ import annotations

from functools import cached_property

import torch
import torch.autograd.forward_ad as fwd
from torch import Tensor

from plaplace.mixture import components, fast
from plaplace.mixture.components import Block
from plaplace.mixture.covariances import Covariances
from plaplace.mixture.fast import Evaluation, Wants
from plaplace.mixture.fast.blocks import ELSEWHERE, even, joined

__all__ = ["Evaluator"]

# numbers in one temporary of a block, so that a few of them stay in the second-level cache (elsewhere: few launches)
_CAREFUL_NUMBERS = 2**18
_FEW_NUMBERS = 2**12  # K x N x D of them are dealt with faster by differences, in fewer calls


class Evaluator:
    """Of the mixture of log weights (K,), means (K, D), both float64, and covariances: which answer in their dtype."""

    def __init__(self, log_weights: Tensor, means: Tensor, covariances: Covariances) -> None:
        self._log_weights64, self._means64, self._covariances = log_weights, means, covariances
        self._log_weights, self._means = log_weights.to(covariances.dtype), means.to(covariances.dtype)
        self._forms: dict[bool, fast.Form] = {}

    def evaluate(self, x: Tensor, wants: Wants) -> Evaluation:
        """Values at points x, (N, D), all of them to be trusted."""
        few, followed = x.numel() * len(self._means) <= _FEW_NUMBERS, self._followed(x)
        form = None if few or followed else self._form(wants)
        if form is None:
            return self._carefully(x, wants, followed)
        centre = self._centre if form.centred else None
        blocks = (block if centre is None else block - centre for block in even(x, form.block))
        found = joined([form.evaluate(block, wants) for block in blocks])
        rows = (~found.trusted).nonzero()[:, 0]
        if len(rows):
            for column, better in zip(found, self._carefully(x[rows], wants), strict=True):
                if column is not None and better is not None:
                    column.index_copy_(0, rows, better)
        return found

    def block(self, x: Tensor) -> Block:
        """Component scores and responsibilities of a block of points, by differences."""
        return components.block(self._log_weights, self._means, self._covariances, x)

    def careful_blocks(self, rows: Tensor, elements: int) -> tuple[Tensor, ...]:
        """Rows in blocks, for temporaries of so many numbers a row."""
        numbers = _CAREFUL_NUMBERS * (1 if rows.device.type == "cpu" else ELSEWHERE)
        return rows.split(max(1, numbers // elements))

    def _carefully(self, x: Tensor, wants: Wants, followed: bool = False) -> Evaluation:
        number, dimension = self._means.shape
        blocks = self.careful_blocks(x, number * dimension)
        return joined([components.evaluate(self.block(block), self._covariances, wants, followed) for block in blocks])

    def _form(self, wants: Wants) -> fast.Form | None:
        """The fast form for what is wanted, made at its first use; None where there is none."""
        if self._means.shape[1] == 1 and wants in ("p_laplacian", "curvatures"):
            return None  # the tangential trace is 0 there by theorem, not by subtraction
        log_weights, means = self._log_weights64.detach(), self._means64.detach()
        gram = fast.by_gram(means, self._covariances, wants)
        if gram not in self._forms:
            centre = None if self._centre is None else self._centre.double()
            self._forms[gram] = fast.build(log_weights, means, self._covariances, centre, gram)
        return self._forms[gram]

    @cached_property
    def _centre(self) -> Tensor | None:
        """The mean of the mixture, None where taking it away would not bring its components nearer."""
        means = self._means64.detach()
        centre = (self._log_weights64.detach().exp() @ means).to(self._covariances.dtype)
        spread = self._log_weights64.detach().exp() @ (means - centre).square().sum(-1)
        return None if bool(centre.double().square().sum() <= spread) else centre

    def _followed(self, x: Tensor) -> bool:
        """Whether torch follows derivatives of the values, or transforms or compiles what computes them."""
        inputs = (x, self._means, self._log_weights, self._covariances.trace)
        if torch.compiler.is_compiling() or any(map(torch._C._functorch.is_functorch_wrapped_tensor, inputs)):
            return True
        if torch.is_grad_enabled() and any(each.requires_grad for each in inputs):
            return True
        return any(fwd.unpack_dual(each).tangent is not None for each in inputs)
