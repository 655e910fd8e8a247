"""What the package carries of the tables: a selection of cases with their inputs, in one file.

Somebody who only installed `plaplace` has no `reference`; `plaplace verify` judges by this file. Inputs are written as
the shortest decimal that reads back as the same float64, rows as the text of the tables.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

from reference import families, tables
from reference.ball_cases import ball_cases
from reference.inputs import Case, checksum

__all__ = ["FILE", "content", "text", "write"]

FILE = Path(__file__).parent.parent / "plaplace" / "verify" / "certified.json"

LARGEST_DIMENSION = 64
# numbers that make a case, inputs alone: what keeps the file at a few hundred KB ...
MOST_NUMBERS = 400
# ... and the smallest kernel density, a family of its own, above that
BESIDES = ("kernel density diagonal D=8 K=200",)

Json = dict[str, object]


def _inputs(case: Case) -> Json:
    """Every input, and the SHA-256 of their bytes."""
    return {
        "kind": case.kind,
        "weights": case.weights.tolist(),
        "means": case.means.tolist(),
        "covariance": case.covariance.tolist(),
        "factors": None if case.factors is None else case.factors.tolist(),
        "point": case.point.tolist(),
        "direction": case.direction.tolist(),
        "sha256": checksum(case),
    }


def _is_carried(case: Case) -> bool:
    arrays = (case.weights, case.means, case.covariance, case.factors, case.point, case.direction)
    numbers = sum(array.size for array in arrays if array is not None)
    return case.dimension <= LARGEST_DIMENSION and (numbers <= MOST_NUMBERS or case.name in BESIDES)


def content() -> dict[str, list[Json]]:
    """Points and balls, in the order of the tables; a row is quantity, p, eps, value and condition as text.

    Raises:
        ValueError: the inputs of a case are not those its rows were made of.
    """
    values: dict[str, list[list[str]]] = defaultdict(list)
    made_of: dict[str, str] = {line["case"]: line["sha256"] for line in tables.read("cases.csv")}
    cases = [case for case in map(families.build, families.NAMES) if _is_carried(case)]
    for family in dict.fromkeys(case.family for case in cases):
        for line in tables.read(f"{tables.slug(family)}.csv"):
            values[line["case"]].append([line[name] for name in ("quantity", "p", "eps", "value", "condition")])
    for line in tables.read("ball_means.csv"):
        values[line["case"]].append(["ball_mean", line["p"], "0.0", line["value"], line["condition"]])
        made_of[line["case"]] = line["sha256"]
    balls = [each for each in ball_cases() if _is_carried(each.case)]
    for case in [*cases, *(each.case for each in balls)]:
        if checksum(case) != made_of[case.name]:
            raise ValueError(f"{case.name}: the inputs are not those the table was made of; run `python -m reference`")
    return {
        "points": [
            {"case": case.name, "family": case.family, **_inputs(case), "rows": values[case.name]} for case in cases
        ],
        "balls": [
            {"case": each.case.name, "rule": each.rule, "radius": each.radius, **_inputs(each.case),
             "rows": values[each.case.name]}
            for each in balls
        ],
    }  # fmt: skip


def text() -> str:
    """The file: one line a case, so that a change shows where it is."""
    parts = [
        f'"{part}": [\n' + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases) + "\n]"
        for part, cases in content().items()
    ]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def write() -> None:
    """Write `FILE`, with line feeds on every system."""
    with FILE.open("w", encoding="utf-8", newline="") as file:
        file.write(text())
