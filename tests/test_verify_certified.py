"""The certified values that the package carries are those of `reference/tables`, inputs and all."""

import math
from collections import defaultdict

import pytest
import torch

from plaplace import LowRank
from plaplace.verify import certified
from reference import export, families, tables
from reference.ball_cases import ball_cases
from reference.inputs import Case, checksum

POINTS = certified.points()
BALLS = certified.balls()


def case_of(each, direction) -> Case:
    """The inputs as they were loaded, in the form the reference makes its checksums of."""
    low = isinstance(each.covariances, LowRank)
    covariance = (each.covariances.isotropic if low else each.covariances).numpy()
    factors = each.covariances.factors.numpy() if low else None
    point = each.point if hasattr(each, "point") else each.centre
    weights, means = each.weights.numpy(), each.means.numpy()
    return Case(each.name, "", each.kind, weights, means, covariance, factors, point.numpy(), direction)


def test_the_file_is_what_the_tables_give():
    assert export.FILE.read_text(encoding="utf-8") == export.text(), "run `python -m reference`"
    assert export.FILE.stat().st_size < 800_000


def test_loaded_inputs_have_the_checksums_of_the_tables():
    made_of = {line["case"]: line["sha256"] for line in tables.read("cases.csv")}
    for each in POINTS:
        assert checksum(case_of(each, each.direction.numpy())) == made_of[each.name], each.name
    directions = {each.case.name: each.case.direction for each in ball_cases()}  # no part in a ball mean: not loaded
    made_of = {line["case"]: line["sha256"] for line in tables.read("ball_means.csv")}
    for each in BALLS:
        assert checksum(case_of(each, directions[each.name])) == made_of[each.name], each.name


def test_loaded_rows_are_those_of_the_tables():
    wanted = defaultdict(list)
    for family in dict.fromkeys(each.family for each in POINTS):
        for line in tables.read(f"{tables.slug(family)}.csv"):
            wanted[line["case"]].append(line)
    for line in tables.read("ball_means.csv"):
        wanted[line["case"]].append(line | {"quantity": "ball_mean", "eps": "0.0"})
    for each in [*POINTS, *BALLS]:
        got = [(row.quantity, repr(row.p), row.eps, row.text, row.condition) for row in each.rows]
        assert got == [
            (line["quantity"], line["p"] or "nan", float(line["eps"]), line["value"], float(line["condition"]))
            for line in wanted[each.name]
        ]


def test_every_family_and_every_kind_is_carried():
    assert set(certified.family_names()) == {families.build(name).family for name in families.NAMES}
    assert {each.kind for each in POINTS} == {"spherical", "diagonal", "full", "low_rank"}
    assert {each.dimension for each in POINTS} == {1, 2, 3, 8, 64}
    assert {each.rule for each in BALLS} == {"circle", "sphere", "radial"}
    assert all(tensor.dtype == torch.float64 for each in POINTS for tensor in (each.weights, each.means, each.point))


def test_the_mixture_keeps_the_promise_on_what_is_carried():
    for each in POINTS:
        rows = each.select("p_laplacian")
        values = each.mixture().p_laplacian(each.point[None], [row.p for row in rows])[0]
        for row, value in zip(rows, values.tolist(), strict=True):
            assert row.excess(value) <= 1, (each.name, row, value)


def test_excess_is_the_error_in_units_of_the_promise():
    row = certified.CertifiedRow("p_laplacian", 2.0, 0.0, "2.0e+0", 10.0)
    assert row.excess(2.0) == 0
    assert row.excess(2.0 * (1 + 1e-11)) == pytest.approx(1, rel=1e-4)
    assert row.excess(math.nan) == math.inf
    zero = certified.CertifiedRow("p_laplacian", 1.0, 0.0, "0", 0.0)
    assert zero.excess(0.0) == 0 and zero.excess(1e-300) == math.inf


def test_some_families_can_be_asked_for():
    assert {each.family for each in certified.points(["far tail", "graded"])} == {"far tail", "graded"}
    with pytest.raises(ValueError, match="families \\['tails'\\] were given; accepted are"):
        certified.points(["tails"])
