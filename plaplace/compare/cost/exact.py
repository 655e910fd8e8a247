"""Exact values against N, K and D, beside a measured floor.

The floor is what no formulation avoids, timed in the same turns (`plaplace.compare.rivals.floors`): K N exponentials
and matrix products with the parameters, as many as the kind needs. It is timed on blocks of 256 to 1,024 points, of
2^18 numbers where that allows it, which stay in cache, and counted as often as the points need it.

    spherical   x'm_k                                                      one product (N, D) by (D, K)
    diagonal    x'P_k x and x'P_k m_k, then P_k x and s'P_k s               four of them
    low rank    F_k'x, F_k'(x - m_k) back through F_k, F_k's                three (N, D) by (D, K R)
    full        P_k x, then s'P_k s                                        (N, D) by (D, K D), and again: by the
                                                                           D (D+1)/2 products s_i s_j where D <= 128
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from statistics import median
from typing import Any

import torch

from plaplace.compare.cost import sweeps
from plaplace.compare.rivals.cases import Case, Parameters, Problem
from plaplace.compare.rivals.floors import floors
from plaplace.compare.timing import Turns, turns

__all__ = ["PRODUCTS", "exact_rows"]

PRODUCTS = {"spherical": 1, "diagonal": 4, "low_rank": 3, "full": 1}
_BLOCK, _NUMBERS, _LEAST = 1024, 2**18, 256  # fewer points would wait for the parameters, read anew for each block
_PACKED = 128  # above it the packed products leave the cache, and a second matrix product is cheaper
_SMALLEST = 4  # dimensions up to which s'P_k s of full covariances costs less than it takes to launch
_DISPATCH = {"N": 8, "K": 4, "D": 8}  # a call on them is dispatch and nothing else

Progress = Callable[[str, int, int], None]
Row = dict[str, Any]


def exact_rows(
    start: Mapping[str, Mapping[str, int]],
    large: Mapping[str, Mapping[str, int]],
    steps: Mapping[torch.dtype, tuple[int, ...]],
    repeats: int,
    progress: Progress,
) -> list[Row]:
    """A row a case: `p_laplacian` at p = 1 (log-density, |s|, tr H and n'Hn in one call) and its floor.

    The rows with sweep "dispatch" are a call on 8 points of a tiny mixture: what a call costs before it computes; those
    with sweep "large D", in float64 alone, are of the mixtures of `sweeps.large_cases`.

    Args:
        start: the smallest size of each letter, by kind; see `sweeps.START`.
        large: likewise of the sweep over large D, with its N and K; see `sweeps.LARGE`.
        steps: data type -> multiples of it.
        repeats: turns of each; at least 5.
        progress: called with (stage, done, of how many).
    """
    plan = [(sweep, case) for dtype, chosen in steps.items() for sweep, case in _plan(start, dtype, chosen)]
    chosen = steps.get(torch.float64, ())
    plan += [
        (sweeps.LARGE_D, case) for kind in large for case in sweeps.large_cases(kind, torch.float64, large, chosen)
    ]
    rows: list[Row] = []
    for done, (sweep, case) in enumerate(plan):
        rows.append(_row(sweep, case, repeats))
        progress("cost", done + 1, len(plan))
    return rows


def _plan(
    start: Mapping[str, Mapping[str, int]], dtype: torch.dtype, steps: tuple[int, ...]
) -> Iterator[tuple[str, Case]]:
    for kind in sweeps.KINDS:
        yield "dispatch", Case(kind, _DISPATCH["D"], _DISPATCH["K"], _DISPATCH["N"], dtype, ())
        for letter in "NKD":
            for case in sweeps.cases(kind, letter, dtype, start, steps):
                yield letter, case


def _row(sweep: str, case: Case, repeats: int) -> Row:
    problem = sweeps.problem(case, dense=sweep == sweeps.LARGE_D and case.kind == "full")
    block = _first(problem, min(case.N, _BLOCK, max(_LEAST, _NUMBERS // case.D)))
    parts = floors(block)
    needed = _needed(case)
    work: dict[str, Callable[[], object]] = {"ours": lambda: problem.mixture.p_laplacian(problem.x, 1.0)}
    work |= {name: parts[name] for name in needed}
    found = turns(work, repeats)
    floor = [
        sum(often * found[name].cpu[turn] for name, often in needed.items()) * case.N / block.case.N
        for turn in range(repeats)
    ]
    return _columns(sweep, case, found["ours"], floor)


def _needed(case: Case) -> dict[str, int]:
    """Part of the floor -> how often a block needs it."""
    needed = {"exp": 1, "gemm": PRODUCTS[case.kind]}
    if case.kind == "full" and case.D > _SMALLEST:
        second = "packed" if case.D <= _PACKED else "gemm"
        needed[second] = needed.get(second, 0) + 1
    return needed


def _first(problem: Problem, number: int) -> Problem:
    parameters: Parameters = problem.parameters
    return replace(problem, case=replace(problem.case, N=number), parameters=parameters, x=problem.x[:number])


def _columns(sweep: str, case: Case, found: Turns, floor: list[float]) -> Row:
    timing = found.timing
    return {
        "table": "exact",
        "sweep": sweep,
        "kind": case.kind,
        "N": case.N,
        "K": case.K,
        "D": case.D,
        "dtype": str(case.dtype).removeprefix("torch."),
        "cpu_ms": timing.cpu_ms,
        "cpu_low": timing.cpu_low,
        "cpu_high": timing.cpu_high,
        "wall_ms": timing.wall_ms,
        "floor_ms": median(floor),
        "ratio": median(ours / least for ours, least in zip(found.cpu, floor, strict=True)),
        "repeats": timing.repeats,
    }
