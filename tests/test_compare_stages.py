"""The stages of a comparison that need no problem: accuracy against the certified tables, and timing."""

from __future__ import annotations

import math
import types
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from plaplace import GaussianMixture, LowRank
from plaplace.compare import accuracy, timing
from plaplace.compare.naive import NaiveMixture

# -- accuracy -------------------------------------------------------------------------------------------------------


def _mixture(kind: str) -> tuple[torch.Tensor, torch.Tensor, Any, torch.Tensor]:
    """Weights, means, covariances for GaussianMixture, and the same as matrices."""
    g = torch.Generator().manual_seed(3)
    means = torch.randn(3, 4, dtype=torch.float64, generator=g)
    root = torch.randn(3, 4, 4, dtype=torch.float64, generator=g)
    thin, eye = root[:, :, :2], torch.eye(4, dtype=torch.float64)
    variances = 0.5 + torch.rand(3, 4, dtype=torch.float64, generator=g)
    forms: dict[str, tuple[Any, torch.Tensor]] = {
        "spherical": (variances[:, 0], variances[:, :1, None] * eye),
        "diagonal": (variances, torch.diag_embed(variances)),
        "full": (root @ root.mT + eye, root @ root.mT + eye),
        "low_rank": (LowRank(variances[:, 0], thin), variances[:, :1, None] * eye + thin @ thin.mT),
    }  # fmt: skip
    return torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64), means, *forms[kind]


@pytest.mark.parametrize("kind", ["spherical", "diagonal", "full", "low_rank"])
def test_the_naive_formula_is_right_where_nothing_cancels(kind: str) -> None:
    weights, means, covariances, matrices = _mixture(kind)
    ours, naive = GaussianMixture(weights, means, covariances), NaiveMixture(weights, means, matrices)
    x = torch.tensor([[0.3, -0.2, 0.5, 0.1]], dtype=torch.float64)
    for p, of, eps in product((1.0, 1.5, 3.0, math.inf), ("log_density", "density"), (0.0, 0.5)):
        if of == "density" and eps:
            continue  # there eps is in units of q for ours
        expected, received = ours.p_laplacian(x, p, eps=eps, of=of)[0], naive.p_laplacian(x, p, eps=eps, of=of)  # type: ignore[arg-type]
        assert float((received - expected).abs() / expected.abs()) < 1e-12, f"p = {p}, {of}, eps = {eps}"
    assert float(naive.log_prob(x)) == pytest.approx(float(ours.log_prob(x)[0]), rel=1e-13)


def _checkout(root: Path, monkeypatch: pytest.MonkeyPatch, width: float = 0.5) -> None:
    """A made-up reference folder: one isotropic Gaussian, whose p-Laplacian is -(D+p-2) r^(p-2) / w^(2p-2)."""
    folder = root / "reference" / "tables"
    folder.mkdir(parents=True)
    (folder / "cases.csv").write_text("case,family,kind,D,K,rank,sha256\none,ordinary,spherical,3,1,,x\n")
    lines = [
        f"one,p_laplacian,{p},0.0,{-(1 + p) * 2 ** (p - 2) / width ** (2 * p - 2)!r},2.5,,0" for p in (1.0, 2.0, 3.0)
    ]
    lines += ["one,score_norm,,0.0,8.0,2.0,,0", "one,laplacian,,0.0,-12.0,1.0,,0"]
    (folder / "ordinary.csv").write_text("\n".join(["case,quantity,p,eps,value,condition,route,digits", *lines, ""]))
    case = types.SimpleNamespace(
        weights=np.ones(1), means=np.zeros((1, 3)), covariance=np.array([width**2]), factors=None,
        point=np.array([2.0, 0.0, 0.0]), direction=np.ones(3),
    )  # fmt: skip
    families = types.SimpleNamespace(build=lambda name: case)
    monkeypatch.setattr(accuracy, "_import_families", lambda root: families)


def test_accuracy_compares_every_row_of_the_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _checkout(tmp_path, monkeypatch)
    path = accuracy.measure(tmp_path, root=tmp_path)
    table = pd.read_csv(path)
    assert len(table) == 5
    assert table["relative_error"].max() < 1e-15
    assert table["naive_relative_error"].max() < 1e-15
    assert list(table["promise"]) == pytest.approx([2.5e-12, 2.5e-12, 2.5e-12, 2e-12, 1e-12], abs=0)


def test_accuracy_sees_a_wrong_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _checkout(tmp_path, monkeypatch)
    path = tmp_path / "reference" / "tables" / "ordinary.csv"
    path.write_text(path.read_text().replace("-12.0", "-12.00000001"))
    table = pd.read_csv(accuracy.measure(tmp_path, root=tmp_path))
    assert float(table.loc[table["quantity"] == "laplacian", "relative_error"].iloc[0]) == pytest.approx(
        8.333e-10, rel=1e-3, abs=0
    )


def test_outside_a_checkout_accuracy_is_skipped_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "accuracy.csv").write_text("of an earlier run")
    answer = accuracy.measure(tmp_path, root=tmp_path)
    assert (
        answer == "accuracy: skipped, the certified tables are part of the source repository and this is not a checkout"
    )
    assert not (tmp_path / "accuracy.csv").exists()


def test_an_error_is_measured_against_all_digits() -> None:
    # 0.1 as a float64 is 0.1000000000000000055511151231257827...
    assert accuracy.relative_error(0.1, "0.1000000000000000055511151231257827") == pytest.approx(
        2.118e-35, rel=1e-3, abs=0
    )
    assert accuracy.relative_error(math.nan, "1") == math.inf


# -- times ----------------------------------------------------------------------------------------------------------


def test_contenders_are_timed_in_turn() -> None:
    order: list[str] = []

    def work(name: str) -> Callable[[], None]:
        return lambda: order.append(name)

    found = timing.interleaved({"a": work("a"), "b": work("b")}, repeats=6, least_ms=0.0)
    assert order[-12:] == ["a", "b"] * 6
    assert found["a"].repeats == 6
    assert found["a"].cpu_low <= found["a"].cpu_ms <= found["a"].cpu_high


def test_too_few_repeats_are_refused() -> None:
    with pytest.raises(ValueError, match="repeats = 3 was given; a median with quartiles needs at least 5"):
        timing.interleaved({}, repeats=3)


def test_one_thread_gives_the_threads_back() -> None:
    before = torch.get_num_threads()
    with timing.one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before
