"""Exact values against the certified tables of the repository, and the naive formula against the same.

The tables live in `reference/` at the root of a checkout. An installed package has none: the stage is skipped then.
"""

from __future__ import annotations

import csv
import importlib
import math
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from plaplace import GaussianMixture, LowRank
from plaplace.compare.naive import NaiveMixture

__all__ = ["PROMISE", "case_rows", "measure", "relative_error"]

PROMISE = 1e-12  # times the condition number
NAIVE_ENTRIES = 2**19  # K D^2 of the largest matrices the naive formula is given
ROOT = Path(__file__).resolve().parents[2]

Progress = Callable[[str, int, int], None]


def measure(folder: Path, quick: bool = False, progress: Progress | None = None, root: Path = ROOT) -> Path | str:
    """Compare every tabulated value and write `accuracy.csv` into the folder.

    Columns: case, family, kind, D, K, quantity, p, eps, condition, relative_error, promise (1e-12 max(1, condition)),
    naive_relative_error (empty for D > 64; inf where the formula gives no number).

    Args:
        quick: every fourth case only.

    Returns:
        The path, or a sentence saying why the stage was skipped.
    """
    if not (root / "reference" / "tables" / "cases.csv").is_file():
        (Path(folder) / "accuracy.csv").unlink(missing_ok=True)  # of an earlier run
        return "accuracy: skipped, the certified tables are part of the source repository and this is not a checkout"
    families = _import_families(root)
    cases = list(_read(root / "reference" / "tables" / "cases.csv"))
    chosen = {case["case"]: case for case in (cases[::4] if quick else cases)}
    rows: list[dict[str, object]] = []
    done = 0
    for path in sorted((root / "reference" / "tables").glob("*.csv")):
        for name, values in groupby(_read(path), key=lambda row: row.get("case", "")):
            if "quantity" not in (lines := list(values))[0] or name not in chosen:
                continue
            rows += case_rows(chosen[name], families.build(name), lines)
            done += 1
            if progress is not None:
                progress("accuracy", done, len(chosen))
    target = Path(folder) / "accuracy.csv"
    pd.DataFrame(rows).to_csv(target, index=False, float_format="%.4g", lineterminator="\n")
    return target


def case_rows(described: dict[str, str], case: Any, values: list[dict[str, str]]) -> list[dict[str, object]]:
    """One row a tabulated value of a case, by `GaussianMixture` and by the naive formula."""
    weights, means, covariance = (torch.from_numpy(a) for a in (case.weights, case.means, case.covariance))
    factors = None if case.factors is None else torch.from_numpy(case.factors)
    ours = GaussianMixture(weights, means, covariance if factors is None else LowRank(covariance, factors))
    naive = _naive(weights, means, covariance, factors)
    x, v = torch.from_numpy(case.point)[None], torch.from_numpy(case.direction)[None]
    rows: list[dict[str, object]] = []
    for line in values:
        condition = float(line["condition"])
        rows.append(
            {name: described[name] for name in ("case", "family", "kind", "D", "K")}
            | {name: line[name] for name in ("quantity", "p", "eps")}
            | {
                "condition": condition,
                "relative_error": relative_error(_value(ours, line, x, v), line["value"]),
                "promise": PROMISE * max(1.0, condition),
                "naive_relative_error": _naive_error(naive, line, x, v),
            }
        )
    return rows


def relative_error(got: float, want: str) -> float:
    """`|got - want| / |want|`, computed exactly from the decimal string; inf for a NaN or for `got != 0 = want`.

    >>> relative_error(0.1, "0.1")                        # what rounding 0.1 to a float64 costs
    5.551115123125783e-17
    >>> relative_error(0.0, "0"), relative_error(1e-300, "0.0")
    (0.0, inf)
    """
    exact = Fraction(want)
    if not math.isfinite(got):
        return math.inf
    difference = abs(Fraction(got) - exact)
    if exact == 0:
        return 0.0 if difference == 0 else math.inf
    share = difference / abs(exact)
    return float(share) if share < 10**300 else math.inf


def _value(mixture: Any, line: dict[str, str], x: Tensor, v: Tensor) -> float:
    quantity = line["quantity"]
    if quantity.startswith("p_laplacian"):
        of = "density" if quantity.endswith("density") else "log_density"
        return float(mixture.p_laplacian(x, float(line["p"]), eps=float(line["eps"] or 0.0), of=of))
    if quantity == "score_norm":
        # hypot, so that a square cannot leave the range: what is judged is the score
        return math.hypot(*mixture.score(x)[0].tolist())
    if quantity == "directional_curvature":
        return float(mixture.directional_curvature(x, v))
    return float(getattr(mixture, quantity)(x))


def _naive(weights: Tensor, means: Tensor, covariance: Tensor, factors: Tensor | None) -> NaiveMixture | None:
    K, D = means.shape
    if D > 64 or K * D * D > NAIVE_ENTRIES:
        return None
    eye = torch.eye(D, dtype=torch.float64)
    if factors is not None:
        covariance = covariance[:, None, None] * eye + factors @ factors.mT
    elif covariance.ndim == 1:
        covariance = covariance[:, None, None] * eye
    elif covariance.ndim == 2:
        covariance = torch.diag_embed(covariance)
    try:
        return NaiveMixture(weights, means, covariance)
    except RuntimeError:  # singular to rounding: the formula has no value
        return NaiveMixture(weights, means, covariance * math.nan)


def _naive_error(naive: NaiveMixture | None, line: dict[str, str], x: Tensor, v: Tensor) -> float:
    return math.nan if naive is None else relative_error(_value(naive, line, x, v), line["value"])


def _import_families(root: Path) -> Any:
    """`reference.families` of the checkout, which is importable only from its root."""
    sys.path.insert(0, str(root))
    try:
        return importlib.import_module("reference.families")
    finally:
        sys.path.remove(str(root))


def _read(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
