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

_PARALLEL = 1e-8  # squared sine of two directions below which rounding leaves less than 8 digits of their plane


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
    fewer, alike = seen.all_without()
    if alike.any():
        inexact = seen[alike]
        fewer[alike] = torch.stack([inexact.without(i).samples().mean(-1) for i in range(number)], 1)
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

    def all_without(self) -> tuple[Tensor, Tensor]:
        """XTrace on all probes but i, (b, n), and for which points this way to it is too inexact, (b,).

        Its sample j leaves out i and j. The images of the others span what of the range of Q is orthogonal to v_i and
        v_j: with the projection S onto these two, of cosine c, `Q'w_j - S Q'w_j = w_j - x v_i - y v_j` (in the
        coordinates of Q), so that all its terms are products of a few (n, n) matrices. Where two of the v are nearly
        parallel, as in A of lower rank than the probes, S has no digits: `without` then.
        """
        v, w, r = _left_out(self.image), self.probe, self.image
        rows = v.transpose(1, 2)
        cosine, form_v, form_w, on_w, on_r = rows @ v, self.form @ v, self.form @ w, rows @ w, rows @ r
        within, left, right = rows @ form_v, rows @ form_w, (w.transpose(1, 2) @ form_v).transpose(1, 2)
        along = (self.back @ v).transpose(1, 2)  # (i, j): w_j'AQ v_i; likewise below, i left out and j the sample

        def own(matrix: Tensor) -> Tensor:
            return matrix.diagonal(dim1=1, dim2=2)

        def of_j(matrix: Tensor) -> Tensor:
            return own(matrix)[:, None]

        square = 1 - cosine.square()
        own(square).fill_(1.0)
        x, y = (on_w - cosine * of_j(on_w)) / square, (of_j(on_w) - cosine * on_w) / square
        both = within + within.transpose(1, 2)
        head = own(self.form).sum(-1)[:, None, None] - (own(within)[:, :, None] + of_j(within) - cosine * both) / square
        whole = (w * r).sum(1) + (self.back * w.transpose(1, 2)).sum(-1)
        cross = whole[:, None] - x * (on_r + along) - y * (of_j(on_r) + of_j(along))
        kept = (
            (w * form_w).sum(1)[:, None]
            - x * (left + right)
            - y * (of_j(left) + of_j(right))
            + x * x * own(within)[:, :, None]
            + y * y * of_j(within)
            + x * y * both
        )
        samples = head + self.plain[:, None] - cross + kept
        own(samples).zero_()
        alike = (square < _PARALLEL).flatten(1).any(1)
        return samples.sum(-1) / (samples.shape[1] - 1), alike

    def __getitem__(self, points: Tensor) -> _Seen:
        return _Seen(self.form[points], self.image[points], self.probe[points], self.back[points], self.plain[points])

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
