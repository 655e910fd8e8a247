"""How an exact function is called and what shape it answers: found out on ordinary cases before values are judged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plaplace.mixture import LowRank
from plaplace.verify.certified import CertifiedPoint
from plaplace.verify.exact.calls import Exact, dense_forms
from plaplace.verify.finding import Finding

__all__ = ["settle"]

_TWO = (2.0, 3.0)


def settle(exact: Exact, cases: Sequence[CertifiedPoint]) -> Iterator[Finding]:
    """Find out the forms of covariances and whether a sequence of p is taken, into `exact`; what is wrong with either.

    Low-rank covariances count as taken only as `LowRank`: rounding them to matrices changes the values.
    """
    tried = [case for case in cases if case.dimension == 3]
    answers: list[tuple[CertifiedPoint, Tensor]] = []
    for case in tried:
        yield from _form(exact, case, answers)
    if not answers:
        yield Finding("shape", "all cases", "fails", "it gave no value (B,) for any form of covariances")
        return
    case, value = answers[0]
    if value.dtype == torch.float64:
        yield Finding("dtype", "float64", "holds", "float64 in, float64 out")
    else:
        yield Finding("dtype", "float64", "fails", f"float64 in, {_name(value.dtype)} out: digits are lost")
    yield _many(exact, case)


def _points(case: CertifiedPoint) -> Tensor:
    """Two points of a case: as many rows as no other axis of the ordinary cases has."""
    return torch.stack([case.point, case.point + 0.25 * case.direction])


def _form(exact: Exact, case: CertifiedPoint, answers: list[tuple[CertifiedPoint, Tensor]]) -> Iterator[Finding]:
    """The first form that gives the right value, else the first that gives one of the right shape."""
    x, want = _points(case), case.mixture().p_laplacian(_points(case), 2.0)
    works: dict[str, tuple[bool, Tensor]] = {}
    refused: list[str] = []
    for name, covariances in dense_forms(case.covariances, case.dimension).items():
        if case.kind == "low_rank" and not isinstance(covariances, LowRank):
            continue
        try:
            value = exact.raw(case.weights, case.means, covariances, x, 2.0)
        except Exception as error:  # whatever a stranger's function raises is an answer
            refused.append(f"{name}: {type(error).__name__}: {error}")
            continue
        if value.shape == (len(x),):
            works[name] = (bool(torch.allclose(value.double(), want, rtol=1e-3)), value)
        else:
            refused.append(f"{name}: the value has shape {tuple(value.shape)} for {len(x)} points, not ({len(x)},)")
    if not works:
        first = refused[0]
        yield Finding("shape", case.kind, "note", f"{case.kind} covariances are not judged; {first}")
        return
    right = [name for name, (close, _) in works.items() if close]
    exact.forms[case.kind] = (right or list(works))[0]
    answers.append((case, works[exact.forms[case.kind]][1]))
    if exact.forms[case.kind] != next(iter(dense_forms(case.covariances, case.dimension))):
        yield Finding("shape", case.kind, "note", f"{case.kind} covariances are taken as {exact.forms[case.kind]} only")


def _many(exact: Exact, case: CertifiedPoint) -> Finding:
    x = torch.cat([_points(case), _points(case) - 0.25])
    try:
        alone = torch.stack([exact.at(case, x, p, torch.float64) for p in _TWO], 1)
        value = exact.at(case, x, list(_TWO), torch.float64)
    except Exception as error:
        return Finding(
            "shape", "several p", "note", f"one exponent at a time is taken ({type(error).__name__}: {error})"
        )
    if value.shape == alone.shape:
        if not torch.allclose(value, alone, rtol=1e-6, equal_nan=True):
            return Finding("shape", "several p", "fails", "a sequence of p gives other values than each p alone")
        exact.many = True
        return Finding("shape", "several p", "holds", "(B,) for one exponent, (B, P) for a sequence")
    if value.shape == alone.mT.shape:
        exact.many = exact.swapped = True
        words = f"axes are swapped: a sequence of {len(_TWO)} exponents gives {tuple(value.shape)} for {len(x)} points"
        return Finding("shape", "several p", "fails", f"{words}; expected is {tuple(alone.shape)}")
    words = f"a sequence of {len(_TWO)} exponents gives {tuple(value.shape)} for {len(x)} points"
    return Finding("shape", "several p", "fails", f"{words}; expected is {tuple(alone.shape)}")


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
