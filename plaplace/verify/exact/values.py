"""An exact function against the certified rows, family by family, and what explains it where it is wrong."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from plaplace.verify.certified import PROMISE, CertifiedPoint, CertifiedRow
from plaplace.verify.exact.calls import Exact
from plaplace.verify.exact.misreadings import misread
from plaplace.verify.exact.rounding import is_cancelled_trace, is_rounding, is_second_moment, rounding_of
from plaplace.verify.exact.slips import explain
from plaplace.verify.finding import Finding
from plaplace.verify.formulas import parts_of

__all__ = ["judge_family"]

_WRONG = 1e-6  # relative error over the condition number from which a formula may be wrong, and not its rounding alone

# where values that are NaN or infinite come from, by family
_LOST = {
    "scale": "squares of widths or scores leave the range of float64; scale before squaring",
    "near critical": "a power of a tiny |s|, or a division by it, leaves the range of float64",
}
_UNDERFLOW = "densities underflow to 0; work with their logarithms (log-sum-exp)"


@dataclass(frozen=True)
class _Value:
    """One certified row and what was received for it."""

    case: CertifiedPoint
    row: CertifiedRow
    received: float
    excess: float

    @property
    def error(self) -> float:
        """Relative, over the condition number."""
        return self.excess * PROMISE

    def words(self) -> str:
        error = self.error * max(1.0, self.row.condition)
        digits = max(0.0, -math.log10(error)) if math.isfinite(error) else 0.0
        promised = max(0.0, -math.log10(PROMISE * max(1.0, self.row.condition)))
        return (
            f"{self.case.name}, p = {self.row.p:g}: {self.received:.10g} received, {self.row.value:.10g} is right; "
            f"{digits:.0f} digits agree where {promised:.0f} can be had"
        )


def judge_family(exact: Exact, family: str, cases: Sequence[CertifiedPoint], p: Sequence[float]) -> Iterator[Finding]:
    """All rows of `Delta_p log q` of a family at the exponents p, and a diagnosis where some are wrong."""
    values, raised = _collect(exact, cases, p)
    yield _finding(family, values, raised)
    bad = [each for each in values if each.excess > 1]
    if bad:
        words = _ordinary(values) if family == "ordinary" else _hard(family, bad)
        if words:
            yield Finding("diagnosis", family, "fails", words)


def _collect(exact: Exact, cases: Sequence[CertifiedPoint], p: Sequence[float]) -> tuple[list[_Value], list[str]]:
    values, raised = [], []
    for case in cases:
        rows = [row for row in case.select("p_laplacian") if row.p in p]
        try:
            received = exact.values(case, case.point[None], [row.p for row in rows])[0].tolist()
        except Exception as error:  # whatever a stranger's function raises is a finding
            raised.append(f"{case.name}: {type(error).__name__}: {error}")
            continue
        values += [
            _Value(case, row, value, _excess(case, row, value)) for row, value in zip(rows, received, strict=True)
        ]
    return values, raised


def _excess(case: CertifiedPoint, row: CertifiedRow, received: float) -> float:
    if row.value == 0.0 and math.isfinite(received):  # 0 by theorem: what rounding leaves of the terms is allowed
        size = float(parts_of([case.mixture()], [case.point], [row.p]).size()[0])
        return abs(received) / size / PROMISE
    return row.excess(received)


def _finding(family: str, values: Sequence[_Value], raised: Sequence[str]) -> Finding:
    bad = [each for each in values if each.excess > 1]
    sentences = []
    if raised:
        sentences.append(f"{len(raised)} cases raised, the first {raised[0]}")
    if bad:
        worst = max(bad, key=lambda each: each.excess)
        sentences.append(f"{len(bad)} of {len(values)} values are wrong; worst is {worst.words()}")
    if sentences:
        return Finding("values", family, "fails", "; ".join(sentences))
    most = max((each.excess for each in values), default=0.0)
    return Finding(
        "values",
        family,
        "holds",
        f"{len(values)} certified values are met, with at most {most:.2g} of the error allowed ({PROMISE:g} times the "
        "condition number)",
    )


def _ordinary(values: Sequence[_Value]) -> str:
    received, rows = [each.received for each in values], [each.row for each in values]
    if max(each.error for each in values) < _WRONG:
        return rounding_of(received, rows)
    found = _slip(values)
    if found:
        return found
    if is_rounding(received, rows):
        return rounding_of(received, rows)
    wrong = {each.row.p for each in values if each.error > _WRONG}
    some = [each for each in values if each.row.p in wrong]
    found = _slip(some) if len(some) < len(values) else None
    if found:
        return f"for p = {', '.join(f'{p:g}' for p in sorted(wrong))}: {found}"
    return _where(values)


def _slip(values: Sequence[_Value]) -> str | None:
    """A slip or a misreading that explains all of them, p = inf apart."""
    finite = [each for each in values if math.isfinite(each.row.p)]
    p = list(dict.fromkeys(each.row.p for each in finite))
    by_key = {(each.case.name, each.row.p): each.received for each in finite}
    cases = list({each.case.name: each.case for each in finite}.values())
    cases = [case for case in cases if all((case.name, q) in by_key for q in p)]
    if not cases:
        return None
    table = torch.tensor([by_key[case.name, q] for case in cases for q in p], dtype=torch.float64)
    parts = parts_of([case.mixture() for case in cases], [case.point for case in cases], p)
    return explain(table, parts) or misread(table, cases, p)


def _where(values: Sequence[_Value]) -> str:
    """Which exponents, dimensions and kinds are right and which are wrong, where no formula explains the values."""
    parts = []
    for name in ("p", "D", "covariances"):
        marks: dict[str, list[bool]] = {}
        for each in values:
            key = {"p": f"{each.row.p:g}", "D": str(each.case.dimension), "covariances": each.case.kind}[name]
            marks.setdefault(key, []).append(each.error > _WRONG)
        right = [key for key, wrong in marks.items() if not any(wrong)]
        rest = [key for key, wrong in marks.items() if any(wrong)]
        if right and rest:
            parts.append(f"right for {name} = {', '.join(right)}, wrong for {', '.join(rest)}")
    return "; ".join(parts) or "no usual slip explains the values; some are wrong for every p, D and kind of covariance"


def _hard(family: str, bad: Sequence[_Value]) -> str | None:
    lost = [each for each in bad if not math.isfinite(each.received)]
    if 2 * len(lost) >= len(bad):
        return f"{len(lost)} values are NaN or infinite: {_LOST.get(family, _UNDERFLOW)}"
    wrong = [(each.case, each.row, each.received) for each in bad]
    if is_cancelled_trace(wrong):
        return (
            "for p < 2 the tangential trace is a difference, tr H - n'Hn, which cancels where one stiff direction "
            "carries the trace; sum it over the other directions"
        )
    if is_second_moment(wrong):
        return (
            "the Hessian is a difference of second moments, sum r_k s_k s_k' - s s' (differentiating a log-sum-exp "
            "gives that too), which cancels where |s|^2 dwarfs H; the centred form sum r_k (s_k - s)(s_k - s)' does not"
        )
    return None
