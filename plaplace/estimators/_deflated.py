"""Trace estimates that take out a dominant subspace first: Hutch++ and XTrace.

Both see a d x d matrix A at each of b points through `apply`, which multiplies k vectors, (b, k, d) or the same (k,
d) for all points, to (b, k, d). Whether it multiplies by A or by A' does not matter for the trace. Everything is
float64. They pay where few eigenvalues dominate; Hessians of log-densities mostly have flat spectra, where
orthonormal probes do better.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Apply", "hutch_plus_plus", "xtrace"]

Apply = Callable[[Tensor], Tensor]


def hutch_plus_plus(apply: Apply, sketch: Tensor, probes: Tensor) -> Tensor:
    """Samples (b, g) of tr A, one a probe, given the sketch:

        tr Q'AQ + g'(I - QQ') A (I - QQ') g,      Q = orth(A S).

    Args:
        sketch: S, (k, d), any vectors independent of the probes.
        probes: (g, d) with E gg' = I.

    Source: Meyer, Musco, Musco, Woodruff, "Hutch++: optimal stochastic trace estimation" (2021), arXiv 2010.09649.
    """
    image = apply(sketch)
    basis = _orthonormal(image)[0].transpose(1, 2)  # rows of Q'
    head = (basis * apply(basis)).sum((1, 2))
    outside = probes - (probes @ basis.transpose(1, 2)) @ basis
    return head[:, None] + (outside * apply(outside)).sum(-1)


def xtrace(apply: Apply, probes: Tensor) -> Tensor:
    """Jackknife pseudo-values (b, n) of XTrace: their mean is its estimate of tr A, their usual standard error is
    honest.

    XTrace is the mean of n leave-one-out samples, at n products for AW and n for AQ,

        t_i = tr Q_i'AQ_i + w_i'(I - Q_iQ_i') A (I - Q_iQ_i') w_i,      Q_i = orth(A W without w_i).

    The samples lean on each other, and their spread, the error that the authors offer, was up to 4 times too small
    here. XTrace on all but one probe, x_i, needs no further product, and the jackknife `(n-1)/n sum (x_i - mean x)^2`
    of it estimates the variance at n - 1 probes (Efron, Stein, 1981), which is rather too large where A has fast
    decay.

    Args:
        probes: rows w_i, (n, d), n <= d, independent of each other with E ww' = I.

    Source: Epperly, Tropp, Webber, "XTrace: making the most of every sample in stochastic trace estimation" (2024),
    arXiv 2301.07825, section 2.1.
    """
    number = len(probes)
    image = apply(probes)
    q, r = _orthonormal(image)
    image_q = apply(q.transpose(1, 2))
    seen = _Seen(
        form=image_q @ q,
        image=r,
        probe=(probes @ q).transpose(1, 2),
        back=probes @ image_q.transpose(1, 2),
        plain=(probes * image).sum(-1),
    )
    estimate = seen.samples().mean(-1)
    if number == 1:
        return estimate[:, None]
    fewer = torch.stack([seen.without(i).samples().mean(-1) for i in range(number)], 1)
    return estimate[:, None] + (number - 1) * (fewer.mean(1, keepdim=True) - fewer)


@dataclass(frozen=True)
class _Seen:
    """All that XTrace needs of A, W and Q, in the coordinates of Q: (b, n, n), and `plain` (b, n).

    Attributes:
        form: Q'AQ or its transpose: only traces and quadratic forms of it are used.
        image: R, column i is Q'Aw_i.
        probe: column i is Q'w_i.
        back: row i is w_i'AQ.
        plain: w_i'Aw_i.
    """

    form: Tensor
    image: Tensor
    probe: Tensor
    back: Tensor
    plain: Tensor

    def samples(self) -> Tensor:
        """t_i, (b, n). `Q_iQ_i' = Q(I - v_iv_i')Q'` with v_i the normalised columns of R^-T."""
        v = _left_out(self.image)
        kept = self.probe - v * (v * self.probe).sum(1, keepdim=True)  # column i is Q'Q_iQ_i'w_i
        head = self.form.diagonal(dim1=1, dim2=2).sum(-1)[:, None] - (v * (self.form @ v)).sum(1)
        cross = (kept * self.image).sum(1) + (self.back * kept.transpose(1, 2)).sum(-1)
        return head + self.plain - cross + (kept * (self.form @ kept)).sum(1)

    def without(self, i: int) -> _Seen:
        """The same without probe i, on the span of the other images."""
        others = [j for j in range(self.image.shape[-1]) if j != i]
        basis, image = torch.linalg.qr(self.image[..., others])
        return _Seen(
            form=basis.transpose(1, 2) @ self.form @ basis,
            image=image,
            probe=basis.transpose(1, 2) @ self.probe[..., others],
            back=self.back[:, others] @ basis,
            plain=self.plain[:, others],
        )


def _orthonormal(image: Tensor) -> tuple[Tensor, Tensor]:
    """QR of the columns A w_i, from rows (b, k, d). A row of non-finite scores must not spoil the factorisation of
    others."""
    q, r = torch.linalg.qr(image.nan_to_num(0.0, 0.0, 0.0).transpose(1, 2))
    return q, r


def _left_out(r: Tensor) -> Tensor:
    """Normalised columns of R^-T. A vanishing pivot (A of lower rank than the probes) is raised to rounding size."""
    pivot = r.diagonal(dim1=1, dim2=2)
    floor = torch.finfo(r.dtype).eps * pivot.abs().amax(-1, keepdim=True)
    floor = torch.where(floor > 0, floor, torch.ones_like(floor))
    lift = torch.where(pivot.abs() < floor, torch.where(pivot < 0, -floor, floor) - pivot, torch.zeros_like(pivot))
    identity = torch.eye(r.shape[-1], dtype=r.dtype, device=r.device).expand(r.shape)
    inverse = torch.linalg.solve_triangular((r + torch.diag_embed(lift)).transpose(1, 2), identity, upper=False)
    columns: Tensor = inverse / torch.linalg.vector_norm(inverse, dim=1, keepdim=True)
    return columns
