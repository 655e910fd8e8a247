"""The pages of docs/reproductions: every number is that of the recorded tables, what they say holds, scripts run."""

import importlib.util
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "docs" / "reproductions"
RESULTS = ROOT / "results" / "reproductions"
STUDY = {"statistic": "flux_1", "probing": "noised iid at its own level"}
OURS = {"statistic": "profile", "probing": "frame"}


def _pages():
    spec = importlib.util.spec_from_file_location("reproduction_pages", PAGES / "pages.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


pages = _pages()


@pytest.fixture(scope="module")
def tables():
    return pages.tables()


@pytest.mark.parametrize("name", sorted(path.name.removesuffix(".j2") for path in (PAGES / "templates").glob("*.j2")))
def test_every_number_on_a_page_is_that_of_the_recorded_tables(name):
    committed = (PAGES / name).read_text("utf-8")
    assert committed == pages.render()[name], f"{name} is out of date: python docs/reproductions/pages.py"


@pytest.mark.parametrize("path", sorted((PAGES / "templates").glob("*.j2")), ids=lambda path: path.name)
def test_templates_type_no_measured_number(path):
    """Three decimals are a measurement; the few that are settings are named here."""
    text = re.sub(r"{[{%].*?[%}]}", "", path.read_text("utf-8"), flags=re.DOTALL)
    text = re.sub(r"arXiv \d+\.\d+|arxiv\.org/abs/\d+\.\d+|\d+_\d+|\d{4}\.\d{5}", "", text)
    settings = {"0.075", "1.000"}  # radius of the membership study; its reported AUC once copies appear
    typed = set(re.findall(r"\d+\.\d{3,}", text)) - settings
    assert not typed, f"{path.name} types {sorted(typed)}; numbers come from the tables"


@pytest.mark.parametrize("path", sorted(PAGES.glob("*.md")), ids=lambda path: path.name)
def test_figures_of_a_page_exist_and_need_nothing_from_elsewhere(path):
    for name in re.findall(r"```{figure} (\S+)", path.read_text("utf-8")):
        figure = (PAGES / name).resolve()
        assert figure.is_file(), f"{path.name} shows {name}, which is not there"
        text = figure.read_text("utf-8")
        outside = [url for url in re.findall(r'(?:href|src)="([^"#][^"]*)"', text) if not url.startswith("data:")]
        assert not outside, f"{name} asks for {outside[:3]}"


# what the pages say in words


def test_the_exact_fluxes_are_those_of_one_gaussian_and_of_the_reported_run(tables):
    flux, reported = tables["paper_flux"], tables["reported"].set_index("name")["value"]
    exact = flux[flux["score"] == "exact"].groupby("label")["exact"].first()
    # at a mode that stands alone s/|s| = -n on the whole circle: minus its length
    assert exact["mode 1"] == pytest.approx(-2 * math.pi, abs=1e-4)
    for label, name in (("mode 1", "mode"), ("midpoint 1", "midpoint"), ("centre", "centre")):
        assert exact[label] == pytest.approx(reported[f"{name}_exact"], abs=6e-4), label


def test_the_spread_of_the_boundary_estimator_is_the_reported_one(tables):
    """Both are standard deviations of 200 values: their ratio has a standard error of 7%."""
    flux, reported = tables["paper_flux"], tables["reported"].set_index("name")["value"]
    for label, name in (("midpoint 1", "midpoint"), ("centre", "centre")):
        ours = pages.one(flux, "sd", score="exact", label=label, estimator="boundary")
        assert ours == pytest.approx(reported[f"{name}_boundary_sd"], rel=0.25), label


def test_estimates_on_the_exact_score_are_unbiased(tables):
    rows = tables["paper_flux"][tables["paper_flux"]["score"] == "exact"]
    # 21 means of 200: 5 standard errors are passed by chance once in 10^5; digits of the file for the exact ones
    allowed = 5 * rows["sd"] / rows["repeats"] ** 0.5 + 1e-4 * rows["exact"].abs()
    assert ((rows["mean"] - rows["exact"]).abs() <= allowed).all()


def test_learned_fluxes_have_the_right_signs_and_overshoot_at_the_centre(tables):
    rows = tables["paper_flux"]
    rows = rows[(rows["score"] == "learned") & (rows["estimator"] == "frames")]
    assert (rows["mean"] * rows["exact"] > 0).all()
    middles = rows[rows["label"].str.startswith("midpoint")]
    flux = tables["paper_flux"].query(
        "score == 'learned' and estimator == 'boundary' and label.str.startswith('midpoint')"
    )
    assert (middles["mean"] - middles["exact"]).abs().mean() > flux["sd"].mean()
    centre = rows[rows["label"] == "centre"]
    assert (centre["mean"] > centre["exact"]).all()


def test_the_published_estimator_repeats_p_1_at_p_2(tables):
    rows = tables["paper_published"]
    rows = rows[rows["version"] == "as published"].pivot(index="label", columns="p", values="mean")
    assert rows[1.0].to_numpy() == pytest.approx(rows[2.0].to_numpy(), rel=1e-6)


def test_the_reported_membership_lies_between_6000_and_8000_steps(tables):
    rows, reported = tables["membership_detection"], tables["reported"].set_index("name")["value"]
    for column in ("auc", "tpr_1"):
        before, after = (pages.one(rows, column, step=step, **STUDY) for step in (6000, 8000))
        assert before < reported[f"membership_{column}"] < after, column


def test_ours_leads_the_study_and_nothing_leads_the_loss_on_the_frame(tables):
    rows = tables["membership_detection"]
    for step in rows["step"].unique():
        assert pages.one(rows, "auc", step=step, **OURS) > pages.one(rows, "auc", step=step, **STUDY), step
    paired = {"step": 8000, "measure": "auc", "ours": "profile, frame, 16"}
    rival = "flux_1, noised iid at its own level, 64"
    assert pages.one(tables["paired"], "low", rival=rival, **paired) > 0
    at = rows[rows["step"] == 8000].set_index(["statistic", "probing"])
    loss = at.loc[("denoising_loss", "frame"), "auc"]
    assert (at.drop(("profile", "frame"))["auc"] <= loss).all()
    for probing in at.index.get_level_values("probing").unique():
        if (("flux_2", probing) in at.index) and (("flux_1", probing) in at.index):
            assert at.loc[("flux_2", probing), "auc"] < at.loc[("flux_1", probing), "auc"], probing


def test_the_three_seeds_of_the_page_generate_the_copies_of_the_recorded_run(tables):
    recorded = pd.read_csv(ROOT / "results" / "detection" / "worlds.csv")
    recorded = recorded[recorded["world"] == "membership"].set_index(["seed", "step"])["copied"]
    for row in tables["membership_copies"].itertuples():
        # the same trainings: equal but for rounding on another processor, which may turn a few of 512 samples
        assert row.copied == pytest.approx(recorded[(row.seed, row.step)], abs=0.02)


def test_the_lemmas_hold_where_the_page_says_so(tables):
    rows = tables["jeon_identities"]
    score, product = rows[rows["lemma"] == "score"], rows[rows["lemma"] == "product"].set_index("t")
    # 17 levels: 4 standard errors by chance once in 1,000 runs
    assert ((score["ratio"] - 1).abs() < 4 * score["standard_error"]).all()
    assert (product.loc[[999, 900, 800], "ratio"] - 1).abs().max() < 0.05
    for t, sign in ((300, 1), (500, -1)):
        assert sign * (product.loc[t, "ratio"] - 1) > 4 * product.loc[t, "standard_error"], t


def test_fresh_draws_are_nearer_to_the_training_set_than_what_the_network_makes_of_the_sharp_mode(tables):
    rows = tables["jeon_copies"].set_index(["points", "end"])
    assert rows.loc[("fresh", "sharp"), "nearest"] < rows.loc[("generated", "sharp"), "nearest"]
    for end in ("sharp", "broad"):
        assert rows.loc[("generated", end), "copies"] <= rows.loc[("fresh", end), "copies"], end


def test_the_sharp_mode_is_sharp_along_the_path(tables):
    rows = tables["jeon_path"]
    rows = rows[(rows["quantity"] == "sharpest") & (rows["score"] == "exact")]
    medians = rows.pivot(index="t", columns="end", values="median")
    middle = medians[medians.index < 400]
    assert (middle["sharp"] > 1.1 * middle["broad"]).all()
    # at the end the curvature is that of the mode alone, 1/(alpha^2 v + sigma^2)
    last = rows[(rows["t"] == 0) & (rows["end"] == "sharp")].iloc[0]
    assert last["median"] == pytest.approx(1 / (last["alpha"] ** 2 * 1e-4 + last["sigma"] ** 2), rel=1e-3)


def test_the_conditional_quantities_follow_rarity_at_high_noise(tables):
    gap = tables["jeon_gap"].set_index(["weight", "quantity", "t"])
    for name in ("wen", "jeon"):
        assert gap.loc[(0.05, name, 999), "auc"] > 0.99, name
        assert gap.loc[(0.95, name, 999), "auc"] < 0.01, name


# the scripts


@pytest.fixture
def run(tmp_path):
    def call(script, *arguments):
        environment = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        command = [sys.executable, str(PAGES / script), "--out", str(tmp_path / "out"), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT, timeout=900)
        assert done.returncode == 0, done.stderr
        return tmp_path / "out"

    return call


SCRIPTS = {
    "paper": ("paper_2505_08246.py", ("--trainings", "1")),
    "membership": ("membership_2610_11670.py", ("--seeds", "1")),
    "jeon": ("jeon_2025.py", ()),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_quick_run_writes_the_recorded_tables_and_figures(name, run):
    script, arguments = SCRIPTS[name]
    out = run(script, "--quick", *arguments)
    assert {path.name for path in out.iterdir()} == {path.name for path in (RESULTS / name).iterdir()}
    for path in out.glob("*.csv*"):
        quick, full = pd.read_csv(path), pd.read_csv(RESULTS / name / path.name)
        assert list(quick.columns) == list(full.columns), path.name
        assert len(quick), path.name


@pytest.mark.slow
def test_two_quick_runs_write_the_same_bytes(run):
    out = run("jeon_2025.py", "--quick")
    first = {path.name: path.read_bytes() for path in out.iterdir()}
    run("jeon_2025.py", "--quick")
    for name, data in first.items():
        assert (out / name).read_bytes() == data, name


def test_the_exact_gap_of_the_toy_is_jeons_statistic_of_the_package():
    """`|(H_c - H_u)(s_c - s_u)|` by closed form here and by products of a network there."""
    from plaplace import memorization, models, noise
    from tests.conditional_mixtures import ConditionalMixture

    sys.path.insert(0, str(PAGES))
    try:
        import jeon_exact
    finally:
        sys.path.remove(str(PAGES))
    levels = models.DiscreteLevels(noise.linear(1000))
    world = ConditionalMixture([jeon_exact.mode(0), jeon_exact.mode(1), jeon_exact.toy(0.05)], levels)
    level = levels.at(t=400)
    clean = torch.tensor([[-3.0, 0.0], [2.0, 1.0]], dtype=torch.float64)
    x, labels = level.alpha * clean, [0, 1]
    probes = memorization.probe(
        world.model, clean, level, 4, torch.Generator().manual_seed(0), labels, statistics=["jeon"]
    )
    received = memorization.statistics["jeon"](probes)
    whole = jeon_exact.toy(0.05).noised(level.alpha, level.sigma)
    expected = []
    for row, label in zip(x, labels, strict=True):
        condition = jeon_exact.mode(label).noised(level.alpha, level.sigma)
        expected.append(level.sigma**3 * float(jeon_exact.gap(condition, whole, row[None])["jeon"]) / math.sqrt(2))
    assert received.tolist() == pytest.approx(expected, rel=1e-8)
