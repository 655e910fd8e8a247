"""Judging an exact function: `(weights, means, covariances, x, p) -> value`, or a class made of the first three.

shape       (B,) for one exponent, (B, P) for a sequence; which forms of covariances are taken
dtype       float64 for float64; what becomes of float32
values      every certified row: ordinary cases first, hard families if the formula is right on those
diagnosis   which slip, misreading or loss of digits explains what is wrong
float32     as many roundings as in float64
rows        a point has one value, alone or in a batch, whatever the other rows are
p < 1       refused
critical    where s = 0: tr H for p = 2, 0 for p > 2, no number for p < 2
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator
from typing import Any

from plaplace.verify.arrays import Backend, guess
from plaplace.verify.certified import CertifiedPoint, family_names, points
from plaplace.verify.exact.behaviour import critical, refuses, rows, single
from plaplace.verify.exact.calls import Exact
from plaplace.verify.exact.shapes import settle
from plaplace.verify.exact.values import judge_family
from plaplace.verify.finding import Finding

__all__ = ["examine"]

_EXPONENTS = (1.0, 1.001, 1.5, 2.0, 2.5, 3.0, 4.0, 10.0, math.inf)


def examine(
    function: Callable[..., Any], *, families: Collection[str] | None = None, backend: str | None = None
) -> Iterator[Finding]:
    """Every clause of the contract of an exact function.

    Args:
        function: (weights (K,), means (K, D), covariances, x (B, D), p) -> (B,), or (B, P) for a sequence of p; or a
            class made of the first three with `p_laplacian(x, p)`. Covariances are variances (K,) or (K, D), matrices
            (K, D, D), or `plaplace.LowRank`; what it takes is found out.
        families: of hard cases, see `certified.family_names`; all when left out. "ordinary" is always tried.
        backend: "torch", "numpy" or "jax"; guessed from its source when left out.

    Raises:
        ValueError: an unknown family or backend.
    """
    exact = Exact(function, Backend(backend) if backend else guess(function))  # type: ignore[arg-type]
    ordinary = points(["ordinary"])
    chosen = [each for each in family_names() if each != "ordinary" and (families is None or each in families)]
    hard = {family: points([family]) for family in [*chosen, *(set(families or ()) - {*chosen, "ordinary"})]}
    yield from settle(exact, ordinary)
    if not exact.forms:
        return
    taken, refused = _exponents(exact, ordinary)
    yield from refused
    if not taken:
        return
    found = list(judge_family(exact, "ordinary", _of(exact, ordinary), taken))
    yield from found
    wrong = any(each.verdict == "fails" for each in found)
    if wrong and hard:
        yield Finding("values", ", ".join(hard), "note", "not tried: ordinary cases are wrong already")
    for family, cases in hard.items():
        if not wrong and _of(exact, cases):
            yield from judge_family(exact, family, _of(exact, cases), taken)
    finite = [q for q in taken if math.isfinite(q)]
    if not wrong:
        yield from single(exact, _of(exact, ordinary), finite)
    yield from rows(exact, _of(exact, ordinary), finite)
    yield from refuses(exact, _of(exact, ordinary))
    yield from critical(exact, finite)


def _of(exact: Exact, cases: Collection[CertifiedPoint]) -> list[CertifiedPoint]:
    """The cases whose kind of covariances the function takes as it is certified."""
    return [case for case in cases if case.kind in exact.forms]


def _exponents(exact: Exact, cases: Collection[CertifiedPoint]) -> tuple[list[float], list[Finding]]:
    """The exponents that give a number, and a finding for each that does not."""
    case = next(each for each in _of(exact, cases) if each.dimension == 3)
    taken, found = [], []
    for p in _EXPONENTS:
        why = exact.takes(case, p)
        if why is None:
            taken.append(p)
        elif math.isinf(p):
            found.append(Finding("exponents", "p = inf", "note", f"not taken ({why}); n'Hn is not judged"))
        else:
            found.append(Finding("exponents", f"p = {p:g}", "fails", f"{why}; every real p >= 1 has a value"))
    return taken, found
