"""What `plaplace compare` measures of costs: the tables, small."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from plaplace.compare import cost
from plaplace.compare.cost import estimators, exact, memory, scanning, sweeps
from plaplace.compare.rivals.cases import Case

START = {kind: {"N": 8, "K": 2, "D": 3} for kind in cost.KINDS}
LARGE = {kind: {"N": 8, "K": 2, "D": 6} for kind in sweeps.LARGE}


def silent(stage: str, done: int, total: int) -> None:
    pass


@pytest.mark.parametrize("kind", cost.KINDS)
def test_a_sweep_spans_two_decades_and_keeps_the_rest(kind: str) -> None:
    for letter in "NKD":
        cases = list(sweeps.cases(kind, letter, torch.float64))
        sizes = [getattr(case, letter) for case in cases]
        assert sizes == sorted(sizes) and sizes[-1] == 100 * sizes[0]
        for other in set("NKD") - {letter}:
            assert {getattr(case, other) for case in cases} == {sweeps.BASE[kind][other]}


@pytest.mark.parametrize("kind", sweeps.LARGE)
def test_the_sweep_over_large_dimensions_spans_two_decades(kind: str) -> None:
    cases = list(sweeps.large_cases(kind, torch.float64))
    assert [case.D for case in cases] == [sweeps.LARGE[kind]["D"] * step for step in sweeps.STEPS]
    assert {(case.N, case.K) for case in cases} == {(sweeps.LARGE[kind]["N"], sweeps.LARGE[kind]["K"])}


@pytest.mark.parametrize("kind", cost.KINDS)
def test_in_a_dense_mixture_every_component_has_weight(kind: str) -> None:
    found = [sweeps.problem(Case(kind, 300, 4, 16, torch.float64, ()), dense) for dense in (False, True)]
    least = [float(each.mixture.responsibilities(each.x).min()) for each in found]
    assert least[0] < 1e-30 and least[1] > 1e-3, f"{kind}: the least responsibilities are {least}"


@pytest.mark.parametrize(("kind", "dtype"), list(product(cost.KINDS, (torch.float64, torch.float32))))
def test_the_mixture_of_a_case_has_its_kind_and_type(kind: str, dtype: torch.dtype) -> None:
    made = sweeps.problem(Case(kind, 12, 3, 5, dtype, ()))
    value = made.mixture.p_laplacian(made.x, 1.0)
    assert made.x.shape == (5, 12) and made.x.dtype == value.dtype == dtype
    assert value.isfinite().all()


def test_exact_rows_have_every_kind_letter_and_size() -> None:
    stages: list[tuple[int, int]] = []
    steps = {torch.float64: (1, 2), torch.float32: (2,)}
    rows = pd.DataFrame(
        exact.exact_rows(START, LARGE, steps, 5, lambda stage, done, total: stages.append((done, total)))
    )
    large = rows[rows["sweep"] == sweeps.LARGE_D]
    assert [(row["kind"], row["D"], row["dtype"]) for row in large.to_dict("records")] == [
        (kind, size, "float64") for kind, size in product(("spherical", "full"), (6, 12))
    ]
    swept = rows[~rows["sweep"].isin(["dispatch", sweeps.LARGE_D])]
    expected = {(kind, letter, "float64", n) for kind, letter, n in product(cost.KINDS, "NKD", (1, 2))}
    expected |= {(kind, letter, "float32", 2) for kind, letter in product(cost.KINDS, "NKD")}
    received = {
        (row["kind"], row["sweep"], row["dtype"], row[row["sweep"]] // START[row["kind"]][row["sweep"]])
        for row in swept.to_dict("records")
    }
    assert received == expected and len(swept) == len(expected)
    assert len(rows[rows["sweep"] == "dispatch"]) == 2 * len(cost.KINDS)
    assert (rows[["cpu_ms", "floor_ms", "ratio"]] > 0).all(axis=None)
    assert stages[-1] == (len(rows), len(rows))


def test_the_floor_counts_the_products_of_the_kind() -> None:
    def needed(kind: str, D: int) -> dict[str, int]:
        return exact._needed(Case(kind, D, 4, 8, torch.float64, ()))

    assert needed("spherical", 8) == {"exp": 1, "gemm": 1}
    assert needed("diagonal", 8) == {"exp": 1, "gemm": 4}
    assert needed("low_rank", 8) == {"exp": 1, "gemm": 3}
    assert needed("full", 2) == {"exp": 1, "gemm": 1}
    assert needed("full", 64) == {"exp": 1, "gemm": 1, "packed": 1}
    assert needed("full", 128) == {"exp": 1, "gemm": 1, "packed": 1}
    assert needed("full", 500) == {"exp": 1, "gemm": 2}


def test_a_floor_on_blocks_counts_for_all_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact, "_BLOCK", 4)
    sizes: list[int] = []
    real = exact.floors
    monkeypatch.setattr(exact, "floors", lambda problem: sizes.append(len(problem.x)) or real(problem))
    row = exact._row("N", Case("spherical", 4, 2, 4000, torch.float64, ()), 5)
    assert sizes == [4]
    assert row["floor_ms"] > 1000 * 1e-4, "a thousand blocks, of which each takes above 0.1 us"


def test_an_estimator_is_set_against_its_calls_and_five_exponents() -> None:
    jobs = (
        estimators.Job("mlp", "sphere_flux", "frame", 8, 9.2),
        estimators.Job("mlp", "hutchinson", "tangent", 2),
        estimators.Job("mlp", "finite_difference", "central", 64),
    )
    rows = pd.DataFrame(estimators.estimator_rows(jobs, 5, silent))
    assert list(rows["num_evaluations"]) == [8, 5, 129]  # 1 + 2 m at p = 1; 1 + 2 D
    assert np.allclose(rows["ratio"] * rows["num_evaluations"], rows["forwards"])
    assert (rows["five_low"] <= rows["five"]).all() and (rows["five"] <= rows["five_high"]).all()
    assert (rows["five"] < 2).all(), "five exponents come from the calls of one"


def test_every_estimator_of_the_full_run_has_its_promise() -> None:
    promised = {(job.network, job.estimator, job.m): job.most for job in estimators.FULL}
    assert promised["unet", "sphere_flux", 16] == pytest.approx(16.8)
    assert promised["mlp", "hutchinson", 32] == pytest.approx(36.2)
    assert promised["mlp", "autodiff", 64] == 55
    assert set(estimators.QUICK) - set(estimators.FULL) == {estimators.QUICK[-1]}


@pytest.mark.skipif(not memory.available(), reason="this system does not tell the peak of the resident set")
def test_memory_sees_what_a_call_holds() -> None:
    (row,) = memory.memory_rows(("spherical",), (50_000,), silent)
    assert row["held_mib"] == pytest.approx(50_000 * 8 * (memory.D + 1) / 2**20)
    assert 0 <= row["rise_mib"] < 200


@pytest.mark.skipif(not memory.available(), reason="this system does not tell the peak of the resident set")
def test_the_rise_is_that_of_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    class Greedy:
        def p_laplacian(self, x: torch.Tensor, p: float) -> torch.Tensor:
            return torch.ones(len(x) * 500, dtype=torch.float64)[: len(x)]

    problem = sweeps.problem(Case("spherical", memory.D, memory.K, 20_000, torch.float64, ()))
    object.__setattr__(problem, "mixture", Greedy())
    monkeypatch.setattr(sweeps, "problem", lambda case: problem)
    threads = torch.get_num_threads()
    torch.ones(10**8)  # 381 MiB, given back: an earlier peak, which must not count
    _, rise = memory.measured("spherical", 20_000)
    torch.set_num_threads(threads)
    assert rise == pytest.approx(20_000 * 499 * 8 / 2**20, rel=0.05)  # 76 MiB


def test_a_process_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_PROGRAM", "raise SystemExit('no room')")
    with pytest.raises(RuntimeError, match="memory of full, N = 10: the process failed: no room"):
        memory.memory_rows(("full",), (10,), silent)


def test_a_picture_is_read_as_a_tensor() -> None:
    for side, stored in scanning.SIDES.items():
        x = scanning._read(scanning._picture(side, stored))
        assert x.shape == (3, side, side) and x.dtype == torch.float32
        assert -1 <= float(x.min()) < float(x.max()) <= 1
        assert float(x.std()) > 0.2, "a picture, not a plane"


@pytest.mark.slow
def test_the_whole_stage_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeps, "START", START)
    monkeypatch.setattr(sweeps, "LARGE", LARGE)
    monkeypatch.setattr(estimators, "QUICK", estimators.QUICK[:1])
    monkeypatch.setattr(cost, "_SIZES", {True: (100, 1000)})
    stages: set[str] = set()
    paths = cost.measure(tmp_path, quick=True, progress=lambda stage, done, total: stages.add(stage))
    assert {path.name for path in paths} <= {"cost.csv", "scanning.csv", "memory.csv"}
    table = pd.read_csv(tmp_path / "cost.csv")
    assert set(table["table"]) == {"exact", "estimator"}
    assert stages >= {"cost", "cost of estimators", "cost of scans"}
    rows = pd.read_csv(tmp_path / "scanning.csv").set_index("quantity")
    assert (rows["low"] <= rows["value"]).all() and (rows["value"] <= rows["high"]).all()
    assert rows.loc["unet_gflop", "value"] == pytest.approx(0.452, rel=1e-2)
    assert 0.5 < rows.loc["pass_over_calls", "value"] < 2
