"""The mixture against certified values: every row of `reference/tables`, at the promise of a float64.

A value may be wrong by 1e-12 times the condition number stated with it (at least 1e-12), relative. The tables are
decimal strings made without plaplace; what they were made of is rebuilt here and compared by checksum.
"""

from __future__ import annotations

import ast
import json
import math
from collections import defaultdict
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from plaplace import GaussianMixture, LowRank
from plaplace.mixture import evaluator
from plaplace.operators import Of
from reference import families, tables
from reference.ball_cases import ball_cases
from reference.inputs import Case, checksum
from reference.rows import Row

PROMISE = Fraction(1, 10**12)
Line = dict[str, str]

CASES = {line["case"]: line for line in tables.read("cases.csv")}
VALUES: dict[str, list[Line]] = defaultdict(list)
for _family in dict.fromkeys(line["family"] for line in CASES.values()):
    for _line in tables.read(f"{tables.slug(_family)}.csv"):
        VALUES[_line["case"]].append(_line)
BALLS: dict[str, list[Line]] = defaultdict(list)
for _line in tables.read("ball_means.csv"):
    BALLS[_line["case"]].append(_line)


def mixture(case: Case) -> GaussianMixture:
    """The library's mixture of a case, in float64."""
    if case.factors is not None:
        return GaussianMixture(
            case.weights, case.means, LowRank(torch.from_numpy(case.covariance), torch.from_numpy(case.factors))
        )
    return GaussianMixture(case.weights, case.means, case.covariance)


def received(q: GaussianMixture, case: Case, rows: list[Row]) -> list[float]:
    """What the library says; all p of one kind in one call."""
    x = case.point[None, :]
    calls: dict[tuple[str, float], list[float]] = defaultdict(list)
    for row in rows:
        if row.is_p_laplacian:
            calls[row.quantity, row.eps].append(row.p)
    found: dict[Row, float] = {}
    for (quantity, eps), ps in calls.items():
        of: Of = "density" if quantity == "p_laplacian_density" else "log_density"
        for p, value in zip(ps, q.p_laplacian(x, ps, eps=eps, of=of)[0], strict=True):
            found[Row(quantity, p, eps)] = float(value)
    plain = {
        "log_prob": float(q.log_prob(x)[0]),
        "score_norm": math.hypot(*q.score(x)[0].tolist()),
        "laplacian": float(q.laplacian(x)[0]),
        "directional_curvature": float(q.directional_curvature(x, case.direction[None, :])[0]),
    }
    return [found[row] if row.is_p_laplacian else plain[row.quantity] for row in rows]


def excess(value: float, expected: Fraction, condition: Fraction) -> float:
    """Relative error over what is promised: at most 1 is right. A value that is 0 by theorem must be 0."""
    if not math.isfinite(value):
        return math.inf
    if expected == 0:
        return 0.0 if value == 0 else math.inf
    return float(abs(Fraction(value) - expected) / abs(expected) / (PROMISE * max(Fraction(1), condition)))


def row_of(line: Line) -> Row:
    return Row(line["quantity"], float(line["p"]) if line["p"] else math.nan, float(line["eps"]))


def complaints(lines: list[Line], values: list[float]) -> list[str]:
    """One sentence for each line whose value breaks the promise."""
    out = []
    for line, value in zip(lines, values, strict=True):
        ratio = excess(value, Fraction(line["value"]), Fraction(line["condition"]))
        if not ratio <= 1:
            what = f"{line.get('quantity', 'ball_mean')}, p = {line['p'] or '-'}, eps = {line.get('eps', '-')}"
            out.append(
                f"{line['case']}: {what}: {value!r} received, {line['value']} expected (condition {line['condition']}):"
                f" the error is {ratio:.3g} times the promise"
            )
    return out


@pytest.mark.parametrize("few_numbers", [0, 2**62], ids=["fast", "differences"])
@pytest.mark.parametrize("name", CASES)
def test_pointwise_values(name: str, few_numbers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluator, "_FEW_NUMBERS", few_numbers)
    case, lines = families.build(name), VALUES[name]
    assert checksum(case) == CASES[name]["sha256"], f"{name}: the inputs are not those the table was made of"
    # NaN in Row.p is not equal to itself: keep the order instead of looking rows up
    problems = complaints(lines, received(mixture(case), case, [row_of(line) for line in lines]))
    assert not problems, "\n".join(problems)


@cache
def _balls() -> dict[str, tuple[Case, float]]:
    return {each.case.name: (each.case, each.radius) for each in ball_cases()}


@pytest.mark.parametrize("name", BALLS)
def test_ball_means(name: str) -> None:
    (case, radius), lines = _balls()[name], BALLS[name]
    assert checksum(case) == lines[0]["sha256"], f"{name}: the inputs are not those the table was made of"
    ps = [float(line["p"]) for line in lines]
    values, errors = mixture(case).ball_mean(case.point[None, :], ps, radius, return_error=True)
    problems = []
    for line, value, error in zip(lines, values[0], errors[0], strict=True):
        size = max(Fraction(1), Fraction(line["condition"])) * abs(Fraction(line["value"]))
        off, stated = abs(Fraction(float(value)) - Fraction(line["value"])), Fraction(float(error))
        # a small ball is a small difference of fluxes: its rounding is stated with the value, and must stay small
        if off > PROMISE * size + stated or stated > 1000 * PROMISE * size:
            problems.append(
                f"{name}, p = {line['p']}: {float(value)!r} received, {line['value']} expected (condition "
                f"{line['condition']}): off by {float(off):.3g}, the stated error is {float(stated):.3g}"
            )
    assert not problems, "\n".join(problems)


def test_the_papers_triangle() -> None:
    # total outward flux for p = 1: the mean over the unit disc times its area (arXiv 2505.08246 and our run of it)
    for place, total in (("mode 0", -6.283), ("midpoint 01", 2.339), ("centre", 4.328)):
        (line,) = [each for each in BALLS[f"circle, triangle, {place}"] if each["p"] == "1.0"]
        assert float(line["value"]) * math.pi == pytest.approx(total, abs=5e-4)


def test_tables_are_whole() -> None:
    with (tables.FOLDER / "versions.json").open(encoding="utf-8") as file:
        versions = json.load(file)
    assert tables.checksums() == versions["sha256"]
    assert tuple(CASES) == families.NAMES
    assert set(BALLS) == set(_balls())
    assert sum(map(len, VALUES.values())) + sum(map(len, BALLS.values())) == versions["rows"] >= 400
    for lines in VALUES.values():
        for line in lines:
            assert len(line["value"].lstrip("-").split("e")[0]) == tables.DIGITS + 1 or line["value"] == "0"
            assert line["route"] == "" or int(line["digits"]) >= 20


def test_coverage_of_the_tables() -> None:
    lines = [line for each in VALUES.values() for line in each if line["quantity"] == "p_laplacian"]
    assert {float(line["p"]) for line in lines} == {1.0, 1.001, 1.5, 2.0, 2.5, 3.0, 4.0, 10.0, math.inf}
    seen = {(CASES[line["case"]]["kind"], int(CASES[line["case"]]["D"])) for line in lines}
    for kind in ("spherical", "diagonal", "full", "low_rank"):
        for D in (1, 2, 3, 8, 64, 512, 3072):
            assert (kind, D) in seen or (kind, D) == ("full", 3072), f"no row for {kind} in D = {D}"


def test_the_naive_form_breaks_the_promise() -> None:
    # H = sum r (s_k s_k' - P_k) - ss' formed outright: the tables are hard enough to tell
    def naive_laplacian(case: Case) -> float:
        d = case.point - case.means
        s_k = -d / case.covariance[:, None]
        logs = np.log(case.weights) - case.dimension / 2 * np.log(case.covariance) + (d * s_k).sum(1) / 2
        r = np.exp(logs - logs.max())
        r /= r.sum()
        s = r @ s_k
        H = (
            np.einsum("k,ki,kj->ij", r, s_k, s_k)
            - np.outer(s, s)
            - np.eye(case.dimension) * (r / case.covariance).sum()
        )
        return float(np.trace(H))

    name = "coincident spherical D=3 far"  # |s|^2 = 1e12 beside tr H = -3
    (line,) = [each for each in VALUES[name] if each["quantity"] == "laplacian"]
    ratio = excess(naive_laplacian(families.build(name)), Fraction(line["value"]), Fraction(line["condition"]))
    plain = next(each for each in VALUES["ordinary spherical D=8"] if each["quantity"] == "laplacian")
    control = naive_laplacian(families.build("ordinary spherical D=8"))
    assert excess(control, Fraction(plain["value"]), Fraction(plain["condition"])) <= 1
    assert ratio > 1


# -- the tables themselves ---------------------------------------------------------------------------------------------

SAMPLE = (
    "ordinary full D=3",
    "ordinary low_rank D=8",
    "far tail diagonal D=2 tied",
    "near critical generic D=3 offset 1e-12",
    "near singular rotated D=3 1e+12 mixed",
    "tiny weight full D=2 near",
    "scale spherical D=2 width 1e-150",
    "cancelling trace gap 1e-06",
)


@pytest.mark.parametrize("name", SAMPLE)
def test_rows_are_made_again(name: str) -> None:
    # both routes: `make_case` compares them and raises where they disagree
    pytest.importorskip("flint")
    pytest.importorskip("mpmath")
    entries = [entry.cells() for entry in tables.make_case(families.build(name))]
    assert entries == [list(line.values()) for line in VALUES[name]]


@pytest.mark.parametrize("name", ["circle, triangle, mode 0", "radial D=64 inside", "radial D=3 small ball"])
def test_ball_rows_are_made_again(name: str) -> None:
    pytest.importorskip("flint")
    pytest.importorskip("mpmath")
    from reference.ball_rows import ball_lines

    (each,) = [each for each in ball_cases() if each.case.name == name]
    assert ball_lines(each) == [list(line.values()) for line in BALLS[name]]


def test_ball_mean_is_the_mean_over_the_volume() -> None:
    # the divergence theorem with its factor D/R, from the pointwise values alone
    flint = pytest.importorskip("flint")
    from reference import ball_means

    (each,) = [each for each in ball_cases() if each.case.name == "circle, ordinary full D=2, R = 0.05"]
    with flint.ctx.workprec(128):
        means = [float(value.mid()) for value in ball_means.volume(each.case, each.radius, each.exponents, 10)]
    assert means == pytest.approx([float(line["value"]) for line in BALLS[each.case.name]], rel=1e-14)


@pytest.mark.parametrize(
    "name",
    [
        "ordinary spherical D=2",
        "ordinary diagonal D=3",
        "ordinary full D=3",
        "ordinary low_rank D=3",
        "graded full D=3 K=2",
    ],
)
def test_conditions_by_perturbation(name: str) -> None:
    # every input moved on its own, by 1e-40 of itself at 250 digits: nothing of the adjoints is used
    flint = pytest.importorskip("flint")
    from reference import ball

    case = families.build(name)
    rows = [row_of(line) for line in VALUES[name]]
    with flint.ctx.workprec(850):
        h, inputs = flint.arb(10) ** -40, ball.numbers(case)

        def values(numbers: list[Any]) -> list[Any]:
            fields = ball.evaluate(case, numbers)
            return [ball.value(fields, row) for row in rows]

        base, totals = values(inputs), [flint.arb(0)] * len(rows)
        for j, a in enumerate(inputs):
            moved = values([*inputs[:j], a * (1 + h), *inputs[j + 1 :]])
            totals = [t + abs((new - old) / h / old) for t, new, old in zip(totals, moved, base, strict=True)]
        found = [float(total.mid()) for total in totals]
    assert found == pytest.approx([float(line["condition"]) for line in VALUES[name]], rel=1e-3)


def test_the_routes_are_independent() -> None:
    imports: dict[str, set[str]] = {}
    for path in (Path(tables.__file__).parent).glob("*.py"):
        names: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        imports[path.stem] = names
        assert not any(each.split(".")[0] in ("plaplace", "torch") for each in names), path.name
    one, two = {"ball", "covariance", "condition", "ball_means"}, {"flux", "field", "arcs", "radial"}
    for stem in one | two:
        other, library = (two, "mpmath") if stem in one else (one, "flint")
        assert not imports[stem] & ({f"reference.{each}" for each in other} | {library}), stem


@pytest.mark.parametrize("name", [name for name, line in CASES.items() if int(line["D"]) <= 16])
def test_derivatives_of_the_score_keep_the_digits_of_the_operator(name: str) -> None:
    """What products with the Jacobian give: the tail's size must not be what their rounding is relative to."""
    case = families.build(name)
    lines = [line for line in VALUES[name] if line["quantity"] == "laplacian"]
    x = torch.from_numpy(case.point)[None].requires_grad_(True)
    score = mixture(case).score(x)[0]
    trace = sum(torch.autograd.grad(entry, x, retain_graph=True)[0][0, i] for i, entry in enumerate(score))
    for line in lines:
        error = excess(float(trace), Fraction(line["value"]), Fraction(line["condition"]))
        assert error <= 1, f"the trace of the differentiated score is off by {error:.3g} times the promise"
