"""Times of a contest become rows: ratios turn by turn, intervals by ranks, targets, and what was not run."""

import math

import pandas as pd
import pytest
import torch

from plaplace.compare import timing
from plaplace.compare.rivals import measure as module
from plaplace.compare.rivals.__main__ import main, printed
from plaplace.compare.rivals.cases import CASES, Case, Target
from plaplace.compare.rivals.contest import Contender, Contest, our
from plaplace.compare.rivals.exact import RIVALS, Rival
from plaplace.compare.rivals.measure import measure, rows_of
from plaplace.compare.rivals.sizing import Sized, sized
from plaplace.compare.rivals.table import COLUMNS, contest_rows
from plaplace.compare.timing import Turns, median_interval, turns

LABELS = {"case": "c", "form": "typical", "kind": "full", "D": 2, "K": 3, "N": 10, "dtype": "float64"}


def contender(name, role, quantity=""):
    return Contender(name, role, quantity, lambda: lambda x: None, "torch 0")


def rows_by_name(targets, times, missing=None, timed=None):
    """Rows {(contender, against): row} of a contest whose contenders took these (role, quantity, turns)."""
    contenders = {name: contender(name, role, quantity) for name, (role, quantity, _) in times.items()}
    for name in missing or {}:
        contenders[name] = contender(name, "rival", "laplacian")
    contest = Contest(LABELS, torch.zeros(10, 2), tuple(contenders.values()), targets, best_of="laplacian")
    found = {contenders[name]: Turns(tuple(values), tuple(values)) for name, (_, _, values) in times.items()}
    counts = {each: (timed or {}).get(each.name, 10) for each in contenders.values()}
    said = {contenders[name]: why for name, why in (missing or {}).items()}
    return {(row["contender"], row.get("against")): row for row in contest_rows(contest, found, counts, said)}


TIMES = {
    "p": ("ours", "p_laplacian", [2.0, 4.0, 2.0]),
    "l": ("ours", "laplacian", [1.0, 2.0, 1.0]),
    "gemm": ("floor", "", [1.0, 2.0, 1.0]),
    "exp": ("floor", "", [0.5, 1.0, 0.5]),
    "slow": ("rival", "laplacian", [20.0, 48.0]),
    "fast": ("rival", "laplacian", [6.2, 12.4, 6.2]),
    "density": ("rival", "log_prob", [1.0, 2.0, 1.0]),
}


def test_ratios_are_taken_within_turns():
    rows = rows_by_name((), TIMES)
    assert rows["gemm", "p_laplacian"]["ratio"] == 0.5  # though the machine halved its speed in the second turn
    assert rows["gemm", "p_laplacian"]["ratio_low"] == rows["gemm", "p_laplacian"]["ratio_high"] == 0.5
    slow = rows["slow", "p_laplacian"]
    assert (slow["ratio"], slow["ratio_low"], slow["ratio_high"], slow["repeats"]) == (11.0, 10.0, 12.0, 2)


def test_a_rival_also_stands_beside_the_call_that_gives_what_it_gives():
    rows = rows_by_name((), TIMES)
    assert rows["fast", "laplacian"]["ratio"] == pytest.approx(6.2)
    assert "target" not in rows["fast", "laplacian"]
    assert ("density", "log_prob") not in rows  # nobody of ours gave it here


def test_targets_and_whether_they_were_reached():
    rows = rows_by_name(
        (
            Target(2, (("gemm", 1),)),
            Target(1.9, (("gemm", 1), ("exp", 1))),
            Target(1.3, (("exp", 4),)),
            Target(1 / 12, (("slow", 1),)),
        ),
        TIMES,
    )
    of = lambda name: rows[name, "p_laplacian"]  # noqa: E731
    assert (of("gemm")["reached"], of("gemm")["target"]) == ("true", 2)
    total = of("gemm + exp")
    assert (total["ratio"], total["cpu_ms"], total["role"], total["reached"]) == (0.75, 1.5, "floor", "true")
    assert (of("4 x exp")["ratio"], of("4 x exp")["reached"]) == (1.0, "true")
    assert of("slow")["reached"] == "false"  # 11 times, where 12 were asked for


def test_the_best_rival_gives_the_laplacian_and_is_named():
    rows = rows_by_name((), TIMES)
    best = rows["fast", "p_laplacian"]
    assert (best["note"], best["target"], best["reached"]) == ("best rival here", 1 / 3, "true")
    assert "best" not in rows["density", "p_laplacian"]["note"]


def test_what_was_not_run_is_named_and_its_target_stays_open():
    rows = rows_by_name((Target(1 / 3, (("folx", 1),)),), TIMES, missing={"folx": "not run: folx is not installed"})
    row = rows["folx", "p_laplacian"]
    assert row["note"] == "not run: folx is not installed"
    assert row["target"] == 1 / 3 and "reached" not in row and "cpu_ms" not in row


def test_a_part_of_the_points_is_told():
    assert rows_by_name((), TIMES, timed={"slow": 4})["slow", "p_laplacian"]["note"] == "scaled from 4 of 10 points"


@pytest.mark.parametrize(("n", "first"), [(3, 1), (5, 1), (7, 1), (9, 2), (20, 6), (100, 40)])
def test_the_interval_of_a_median_has_the_ranks_of_the_binomial(n, first):
    middle, low, high = median_interval([float(i) for i in range(n, 0, -1)])
    assert (middle, low, high) == ((n + 1) / 2, first, n + 1 - first)
    if n >= 6:
        outside = sum(math.comb(n, i) for i in range(first)) / 2**n
        assert 2 * outside <= 0.05 < 2 * (outside + math.comb(n, first) / 2**n)


def test_turns_interleave_and_let_the_slow_sit_out(monkeypatch):
    order = []
    found = turns({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 3, least_ms=0.0, fewer={"b": 1})
    assert "".join(order[4:]) == "abaa"  # two calls of each before
    assert (len(found["a"].cpu), len(found["b"].wall)) == (3, 1)
    assert found["a"].timing.repeats == 3


def test_a_contender_is_timed_on_as_many_points_as_fit_the_budget(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("plaplace.compare.rivals.sizing.time.process_time", lambda: clock[0])

    def work(x):
        clock[0] += 0.01 * len(x)
        return len(x)

    x = torch.zeros(1000, 1)
    assert sized(work, x, budget=1.0).rows == 64
    assert sized(work, x, budget=100.0).rows == 1000
    one = sized(work, x, budget=0.001)
    assert (one.rows, one.first, one.seconds) == (1, 1, pytest.approx(0.01))


@pytest.fixture
def tiny(monkeypatch):
    """One case so small that everything is timed in a second."""
    case = Case("spherical", 3, 2, 16, torch.float64, (Target(4, (("gemm", 1), ("exp", 1))),))
    monkeypatch.setitem(CASES, "tiny", case)
    monkeypatch.setattr(module, "SLUGS", ("tiny",))
    monkeypatch.setattr(timing, "_calls", lambda work, least_ms: 1)
    for name in set(RIVALS) - {"naive closed form"}:
        monkeypatch.delitem(RIVALS, name)
    return case


def test_measure_writes_the_table(tiny, tmp_path, capsys):
    assert main(["--out", str(tmp_path), "--case", "tiny"]) == 0
    table = pd.read_csv(tmp_path / "rivals.csv")
    assert tuple(table.columns) == COLUMNS
    assert set(table["form"]) == {"typical", "dense"} and set(table["role"]) == {"ours", "rival", "floor"}
    assert set(table["reached"].dropna()) <= {True, False}
    assert (table["repeats"] == 7).all()
    out = capsys.readouterr().out
    assert "tiny, dense" in out or "spherical-3, dense" in out
    assert "naive closed form laplacian against our laplacian" in out and "gemm + exp" in out
    assert main(["--out", str(tmp_path), "--case", "other"]) == 1
    assert "case = 'other' was given; accepted are tiny" in capsys.readouterr().err


def test_a_rival_that_disagrees_is_not_timed(tiny, monkeypatch, tmp_path):
    monkeypatch.setitem(RIVALS, "wrong", Rival(lambda parameters: lambda x: torch.ones(len(x)).double()))
    with pytest.raises(RuntimeError, match=r"wrong gives \[1.0\] for the laplacian of spherical-3, ours is"):
        measure(tmp_path, cases=["tiny"])


def test_what_one_point_takes_too_long_for_is_named(monkeypatch):
    monkeypatch.setattr(module, "sized", lambda work, x, budget: Sized(1, 100.0, None))
    contest = Contest(
        LABELS,
        torch.zeros(10, 2),
        (our("plaplace", "p_laplacian", lambda x: None), contender("dear", "rival", "trace")),
        (),
    )
    assert rows_of(contest)[1]["note"] == "not run: one point takes 100 s"


def test_what_does_not_fit_the_memory_is_named(monkeypatch):
    def refuse(work, x, budget):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 29503488000 bytes")

    monkeypatch.setattr(module, "sized", refuse)
    contenders = our("plaplace", "p_laplacian", lambda x: None), contender("large", "rival", "trace")
    assert rows_of(Contest(LABELS, torch.zeros(10, 2), contenders, ()))[1]["note"] == "not run: out of memory"


def test_rows_print_without_times_too():
    row = dict.fromkeys(COLUMNS, "") | LABELS | {"contender": "folx", "against": "p", "note": "not run: absent"}
    row |= {"cpu_ms": math.nan}
    assert printed(pd.DataFrame([row])).endswith("not run: absent")
