"""What an exact function does besides being right: float32, rows of a batch, illegal exponents, critical points."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from plaplace.mixture import LowRank
from plaplace.verify.certified import PROMISE, CertifiedPoint
from plaplace.verify.exact.calls import Exact
from plaplace.verify.finding import Finding
from plaplace.verify.formulas import parts_of

__all__ = ["critical", "refuses", "rows", "single"]

# the promise in roundings of a float64, about 4,500: float32 is given as many
_ROUNDINGS = PROMISE / torch.finfo(torch.float64).eps
_SAME = 1e-9  # of the terms: what summing in another order may change


def _cast(case: CertifiedPoint, dtype: torch.dtype) -> CertifiedPoint:
    """The case with inputs rounded to a dtype, as float64."""

    def cut(tensor: Tensor) -> Tensor:
        return tensor.to(dtype).double()

    c = case.covariances
    covariances = LowRank(cut(c.isotropic), cut(c.factors)) if isinstance(c, LowRank) else cut(c)
    return replace(
        case, weights=cut(case.weights), means=cut(case.means), covariances=covariances, point=cut(case.point)
    )


def single(exact: Exact, cases: Sequence[CertifiedPoint], p: Sequence[float]) -> Iterator[Finding]:
    """float32 inputs on ordinary cases, against the exact values of the rounded inputs."""
    worst, at, dtypes = 0.0, "", set()
    for case in cases:
        rounded = _cast(case, torch.float32)
        want = rounded.mixture().p_laplacian(rounded.point[None], list(p))[0]
        conditions = {row.p: max(1.0, row.condition) for row in case.select("p_laplacian")}
        size = parts_of([rounded.mixture()], [rounded.point], p).size()
        for q, right, scale in zip(p, want.tolist(), size.tolist(), strict=True):
            try:
                value = exact.at(rounded, rounded.point[None], q, torch.float32)
            except Exception as error:  # whatever a stranger's function raises is a finding
                yield Finding("float32", "ordinary", "note", f"not taken ({type(error).__name__}: {error})")
                return
            dtypes.add(value.dtype)
            allowed = _ROUNDINGS * torch.finfo(torch.float32).eps * conditions.get(q, 1.0) * (abs(right) or scale)
            off = abs(float(value.reshape(-1)[0]) - right) / allowed
            if not off <= worst:  # written so that a NaN counts
                worst, at = off, f"{case.name}, p = {q:g}"
    if worst <= 1:
        yield Finding("float32", "ordinary", "holds", f"the worst error is {worst:.2g} of {_ROUNDINGS:.0f} roundings")
    else:
        words = f"{worst:.2g} times the {_ROUNDINGS:.0f} roundings that float64 is given, at {at}"
        yield Finding("float32", "ordinary", "fails", f"the error is {words}")
    if dtypes != {torch.float32}:
        names = ", ".join(sorted(str(each).removeprefix("torch.") for each in dtypes))
        yield Finding("dtype", "float32", "note", f"float32 in, {names} out")


def rows(exact: Exact, cases: Sequence[CertifiedPoint], p: Sequence[float]) -> Iterator[Finding]:
    """A row has the same value alone, in a batch, and beside rows that are far off or NaN."""
    faults = [(case, fault) for case in cases if case.dimension in (2, 8) for fault in _rows(exact, case, p)]
    if not faults:
        yield Finding("rows", "ordinary", "holds", "the same values alone, in a batch, beside a far row and a NaN row")
        return
    case, fault = faults[0]
    yield Finding("rows", case.name, "fails", f"{fault}; so in {len({each.name for each, _ in faults})} cases")


def _rows(exact: Exact, case: CertifiedPoint, p: Sequence[float]) -> Iterator[str]:
    x = torch.stack([case.point + shift * case.direction for shift in (0.0, 0.3, -0.6, 1.1)])
    size = torch.stack([parts_of([case.mixture()], [row], p).size() for row in x])
    beside = {"in a batch of 4": x[:0], "beside a far row": x[:1] + 1e3, "beside a NaN row": 0 * x[:1] + math.nan}
    try:
        alone = torch.cat([exact.values(case, row[None], p) for row in x])
    except Exception as error:  # whatever a stranger's function raises is a finding
        yield f"a batch of one point raised {type(error).__name__}: {error}"
        return
    for how, other in beside.items():
        try:
            value = exact.values(case, torch.cat([x, other]), p)[: len(x)]
        except Exception as error:
            if "NaN" not in how:  # what is not finite may be refused
                yield f"a row {how} raised {type(error).__name__}: {error}"
            continue
        off = ((value - alone).abs() / size).nan_to_num(math.inf)
        if float(off.max()) > _SAME:
            i, j = divmod(int(off.argmax()), len(p))
            yield f"p = {p[j]:g}: a row has the value {alone[i, j]:.6g} alone and {value[i, j]:.6g} {how}"


def refuses(exact: Exact, cases: Sequence[CertifiedPoint]) -> Iterator[Finding]:
    """p < 1 has no p-Laplacian here: an error, best one that names the value."""
    case = next(each for each in cases if each.dimension == 3)
    try:
        value = exact.at(case, case.point[None], 0.5, torch.float64)
    except Exception as error:
        named = "" if "0.5" in str(error) else "; the message does not name the value 0.5"
        yield Finding("p < 1", "p = 0.5", "holds", f"refused: {type(error).__name__}: {error}{named}")
        return
    if bool(value.isnan().all()):
        yield Finding("p < 1", "p = 0.5", "holds", "NaN")
    else:
        got = f"{float(value.reshape(-1)[0]):.6g}"
        yield Finding("p < 1", "p = 0.5", "fails", f"accepted, and {got} returned; p >= 1 is needed: raise an error")


def critical(exact: Exact, p: Sequence[float]) -> Iterator[Finding]:
    """At the mode of one Gaussian and at the saddle between two: s = 0 to the last digit."""
    one = torch.ones(1, dtype=torch.float64)
    mean = torch.tensor([[1.0, -0.5, 2.0]], dtype=torch.float64)
    half, pair = torch.full((2,), 0.5, dtype=torch.float64), torch.cat([mean, -mean])
    for name, weights, means, point in (("mode", one, mean, mean[0]), ("saddle", half, pair, 0 * mean[0])):
        kind = next(iter(exact.forms))
        variances = torch.full((len(weights),), 0.64, dtype=torch.float64)
        case = CertifiedPoint(name, "critical", "spherical", weights, means, variances, point, 0 * point, ())
        shown = replace(case, covariances=_in_form(variances, 3, kind), kind=kind)
        laplacian = float(case.mixture().laplacian(point[None])[0])
        faults = []
        for q in p:
            try:
                value = float(exact.values(shown, point[None], [q])[0, 0])
            except Exception as error:
                if q >= 2:
                    faults.append(f"p = {q:g} raised {type(error).__name__}: {error}")
                continue
            want = laplacian if q == 2 else 0.0
            if q < 2 and math.isfinite(value):
                faults.append(f"p = {q:g} gives {value:.6g} where no limit exists; NaN or an error is honest")
            elif q >= 2 and not abs(value - want) <= 1e-12 * abs(laplacian):
                faults.append(f"p = {q:g} gives {value:.6g}; it is {want:.6g} ({'tr H' if q == 2 else 'p > 2'})")
        if faults:
            yield Finding("critical point", name, "fails", "; ".join(faults))
        else:
            yield Finding("critical point", name, "holds", "tr H for p = 2, 0 for p > 2, no number for p < 2")


def _in_form(variances: Tensor, dimension: int, kind: str) -> Tensor | LowRank:
    """Spherical covariances as those of another kind."""
    rows = variances[:, None].expand(-1, dimension).contiguous()
    if kind == "low_rank":
        return LowRank(variances / 2, (variances / 2).sqrt()[:, None, None] * torch.eye(dimension).double())
    return {"spherical": variances, "diagonal": rows, "full": torch.diag_embed(rows)}[kind]
