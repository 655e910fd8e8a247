"""What the scan took, what the warm-up had said, and what more images would take."""

from __future__ import annotations

import math

from plaplace.compare.words import sig
from plaplace.scan.findings import Findings
from plaplace.scan.report.numbers import duration

__all__ = ["ahead", "lines"]


def lines(findings: Findings) -> list[tuple[str, str]]:
    """(title, value) of the table of costs."""
    each = _calls_each(findings)
    table = [
        ("Network evaluations", f"{findings.calls:,}" + (f", {sig(each)} an image" if math.isfinite(each) else "")),
        ("Wall time", duration(findings.seconds)),
    ]
    if _known(findings.rate):
        table.append(("Rate while scanning", f"{_rate(findings.rate)} images a second"))
    if math.isfinite(findings.estimated_seconds):
        ratio = findings.seconds / findings.estimated_seconds if findings.estimated_seconds > 0 else float("nan")
        text = duration(findings.estimated_seconds)
        table.append(("Estimated at the start", text + (f"; it took {sig(ratio, 2)} times that" if ratio > 0 else "")))
    return table + list(findings.cost.items())


def ahead(findings: Findings) -> list[tuple[str, str, str]]:
    """(images, time, network evaluations) that 10^6 and 10^7 images would take at this rate."""
    if not _known(findings.rate):
        return []
    each, sizes = _calls_each(findings), ((10**6, "a million"), (10**7, "ten million"))
    return [
        (f"{name} images", duration(number / findings.rate), f"{number * each:,.0f}" if each > 0 else "–")
        for number, name in sizes
    ]


def _rate(rate: float) -> str:
    """Three digits, or whole with commas."""
    return f"{rate:,.0f}" if rate >= 100 else sig(rate)


def _known(rate: float) -> bool:
    return math.isfinite(rate) and rate > 0


def _calls_each(findings: Findings) -> float:
    """Evaluations an image that was scored, the reference's included on both sides."""
    scored = findings.total - findings.failed + findings.num_fit + findings.num_reference
    return findings.calls / scored if scored else float("nan")
