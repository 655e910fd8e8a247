"""`plaplace.scan.run` against what is known: a model that has memorized a few pictures by construction."""

import itertools
import json
import math

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from plaplace import memorization, scan
from plaplace.memorization import detection
from plaplace.memorization.detector import Profile
from plaplace.scan.calibration import Calibration
from plaplace.scan.generating import path, sampled
from plaplace.scan.randomness import image_seed
from tests.scan_models import Broken, exact, write_folder


def test_memorized_pictures_are_found_and_others_are_not(scanned):
    _, table = scanned
    memorized = set(f"{i:04d}.png" for i in range(12))
    assert set(table.key[:12]) == memorized  # the highest ranked
    found = set(table.key[table.verdict == "memorized"])
    assert memorized <= found
    assert len(found - memorized) <= 3  # 72 images: a false discovery rate of 5% of 12, with room
    assert len(table) == 72 and table.key.is_unique and table.score.is_monotonic_decreasing
    assert (table.calls == 16).all() and (table.reason == "").all()
    statistics = ["flux_1", "flux_2", "denoising_loss", "displacement"]
    assert table.columns.tolist() == [
        *("index", "key", "score", "score_se", "p_value", "q_value", "verdict", "calls", "rounds", "nonfinite"),
        *(column for name in statistics for column in (name, f"{name}_se")),
        "reason",
    ]


def test_scores_are_those_of_the_detector_asked_by_hand(scan_inputs, scanned):
    """The whole path, another way: fit on the reference images that the scan fitted on, score, p, q, verdict."""
    folder, model = scan_inputs
    out, _ = scanned
    fit, null, found = (pd.read_parquet(file) for file in (out / "index" / "fit.parquet",
                        out / "index" / "reference.parquet", out / "scores.parquet"))  # fmt: skip
    assert len(fit) == 75 and len(null) == 225  # a quarter of 300 and the rest

    def points(part, names):
        return model.encode([folder / part / name for name in names]), [image_seed(n, 3, "round 0") for n in names]

    level = model.levels.at(sigma=0.2)
    x, seeds = points("reference", fit.key)
    detector = Profile.fit(model, x, level, 16, seeds=seeds)
    x, seeds = points("images", found.key)
    probes = detector.probe(x, seeds=seeds)
    scores = detector.score(probes)
    np.testing.assert_allclose(found.score, scores, rtol=1e-4, atol=1e-4)  # float32 network in other batches
    np.testing.assert_allclose(found.score_se, detector.standard_error(probes), rtol=1e-2, atol=1e-5)
    for name in ("flux_1", "flux_2", "denoising_loss", "displacement"):
        statistic = memorization.statistics[name]
        np.testing.assert_allclose(found[name], statistic(probes[0]), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(found[f"{name}_se"], statistic.standard_error(probes[0]), rtol=1e-2, atol=1e-6)
    x, seeds = points("reference", null.key)
    others = detector(x, seeds=seeds)
    np.testing.assert_allclose(found.p_value, detection.p_values(found.score, others), atol=1.5 / 226)
    np.testing.assert_allclose(found.q_value, detection.benjamini_hochberg(found.p_value), rtol=1e-12)
    assert (found.verdict == detection.verdicts(found.score, others)).mean() >= 0.98


def test_rows_do_not_depend_on_shards_engines_names_or_other_images(scan_inputs, scanned, tmp_path):
    folder, model = scan_inputs
    _, table = scanned
    rows = table.set_index("key").sort_index()
    few = write_folder(tmp_path / "few", [])
    for file in sorted((folder / "images").iterdir())[::3]:
        (few / file.name).write_bytes(file.read_bytes())
    again = scan.run(model, few, tmp_path / "scan", reference=folder / "reference", seed=3, batch_size=7)
    again = again.set_index("key").sort_index()
    columns = ["score", "score_se", "flux_1", "flux_2", "denoising_loss", "displacement"]
    np.testing.assert_allclose(again[columns], rows.loc[again.index, columns], rtol=1e-3, atol=1e-4)
    other = scan.run(model, few, tmp_path / "other", reference=folder / "reference", seed=4, batch_size=7)
    assert (other.set_index("key").sort_index().flux_1 - again.flux_1).abs().min() > 0  # another seed is another draw


def test_without_a_reference_images_are_ranked_and_nothing_is_decided(scan_inputs, tmp_path):
    folder, model = scan_inputs
    table = scan.run(model, folder / "images", tmp_path / "scan")
    assert set(table.verdict) == {"cannot tell"} and table.p_value.isna().all() and table.q_value.isna().all()
    assert set(table.key[:12]) == {f"{i:04d}.png" for i in range(12)}
    x = model.encode([folder / "images" / name for name in table.key])
    seeds = [image_seed(name, 0, "round 0") for name in table.key]
    (probes,) = memorization.profile(model, x, [model.levels.at(sigma=0.2)], 16, seeds=seeds)
    np.testing.assert_allclose(table.score, -memorization.detector.balanced(probes).log(), rtol=1e-4, atol=1e-4)


def test_any_statistic_can_rank_and_further_levels_have_columns(scan_inputs, tmp_path):
    folder, model = scan_inputs
    table = scan.run(model, folder / "images", tmp_path / "scan", reference=folder / "reference", score="flux_1",
                     statistics=["sima"], levels=[0.1, 0.4], calls=8)  # fmt: skip
    assert (table.score == table.flux_1).all() and (table.score_se == table.flux_1_se).all()
    assert table["sima_se"].isna().all()
    x = model.encode([folder / "images" / name for name in table.key])
    seeds = [image_seed(name, 0, "round 0") for name in table.key]
    at = memorization.profile(model, x, [0.1, 0.4], 8, seeds=seeds, statistics=["sima", "flux_1"])
    for column, probes in (("", at[0]), ("@0.4", at[1])):
        for name in ("sima", "flux_1"):
            expected = memorization.statistics[name](probes)
            np.testing.assert_allclose(table[name + column], expected, rtol=1e-4, atol=1e-5)
    assert (table.calls == 2 * (8 + 1)).all()


def test_a_tolerance_asks_more_near_the_threshold_alone(scan_inputs, scanned, tmp_path):
    folder, model = scan_inputs
    out = tmp_path / "scan"
    table = scan.run(model, folder / "images", out, reference=folder / "reference", seed=3, tolerance=0.05)
    plain = scanned[1].set_index("key").score
    threshold = json.loads((out / "scan.json").read_text())  # the manifest says what was asked for
    assert threshold["scan"]["settings"]["tolerance"] == 0.05
    more = table[table.rounds > 1].set_index("key")
    assert 0 < len(more) < len(table)
    assert (table.calls == 16 * table.rounds).all() and table.rounds.max() <= 8
    before = scanned[1].set_index("key").score_se[more.index]
    assert (more.score_se / before).median() < 1
    same = table[table.rounds == 1].set_index("key")
    np.testing.assert_allclose(same.score, plain[same.index], atol=1e-4)
    enough = scan.run(model, folder / "images", tmp_path / "enough", reference=folder / "reference", seed=3,
                      tolerance=10.0)  # fmt: skip
    assert (enough.rounds == 1).all()  # no error is as large as that
    null = pd.concat([pd.read_parquet(file) for file in sorted((out / "parts").glob("reference-*"))])
    assert (null.rounds > 1).any()  # the same rule for the reference, or p-values were wrong


def test_the_mean_over_rounds_is_the_mean_of_rounds_drawn_by_hand(scan_inputs, tmp_path):
    folder, model = scan_inputs
    table = scan.run(model, folder / "images", tmp_path / "scan", reference=folder / "reference", seed=3,
                     tolerance=1e-6)  # fmt: skip
    row = table[table.rounds == 3].iloc[0] if (table.rounds == 3).any() else table[table.rounds > 1].iloc[0]
    x = model.encode([folder / "images" / row.key])
    values, errors = [], []
    for number in range(row.rounds):
        level, calls = model.levels.at(sigma=0.2), Profile.plan(model, 0.2, 16)[1][0]
        (probes,) = memorization.profile(model, x, [level], calls, seeds=[image_seed(row.key, 3, f"round {number}")])
        values.append(float(memorization.statistics["flux_1"](probes)))
        errors.append(float(memorization.statistics["flux_1"].standard_error(probes)))
    assert row.flux_1 == pytest.approx(np.mean(values), rel=1e-4)
    assert row.flux_1_se == pytest.approx(math.sqrt(np.square(errors).sum()) / len(errors), rel=1e-2)


def test_what_cannot_be_read_or_answered_is_a_row_with_a_reason(tmp_path):
    model, memorized, others, reference = exact(kind=Broken)
    images = write_folder(tmp_path / "images", np.concatenate([memorized, others]))
    (images / "zero.png").write_bytes(b"")
    (images / "text.jpg").write_text("no image")
    whole = (images / "0005.png").read_bytes()
    (images / "short.png").write_bytes(whole[: len(whole) // 2])
    write_folder(tmp_path / "reference", reference)
    table = scan.run(model, images, tmp_path / "scan", reference=tmp_path / "reference").set_index("key")
    assert len(table) == 75
    assert table.reason["zero.png"] == "the file is empty"
    assert all("not a readable image" in table.reason[name] for name in ("text.jpg", "short.png"))
    assert str(tmp_path) not in " ".join(table.reason)  # reasons name no machine's folders
    first = np.concatenate([memorized, others])[:, 0, 0] / 127.5 - 1  # of a pixel, R = 0.2 sqrt(16) and ± directions
    answered = table.reason[[f"{i:04d}.png" for i in range(72)]].to_numpy()
    spoilt = np.array([each.startswith("the network's answer is not finite in ") for each in answered])
    assert (answered[~spoilt] == "").all() and spoilt[first > 0.99].all() and not spoilt[first < 0.2].any()
    assert 0 < spoilt.sum() < 40
    bad = table[table.reason != ""]
    assert bad.score.isna().all() and bad.p_value.isna().all() and (bad.verdict == "cannot tell").all()
    assert (table.loc["zero.png"].calls, table.loc["zero.png"].rounds) == (0, 0)


def test_generated_samples_are_scanned(tmp_path):
    model, _, _, reference = exact()
    write_folder(tmp_path / "reference", reference)
    table = scan.run(model, out=tmp_path / "scan", generate=40, reference=tmp_path / "reference")
    assert sorted(table.key) == [f"generated-{i:08d}" for i in range(40)]
    images = pd.concat([pd.read_parquet(file) for file in sorted((tmp_path / "scan/generated/parts").iterdir())])
    assert len(images) == 40 and images.key.is_monotonic_increasing
    # half of the model's mass are peaks at what was memorized: binomial(40, 1/2) lies in 10 .. 30 but for 1 in 1,000
    assert 10 <= (table.verdict == "memorized").sum() <= 32
    again = scan.run(model, out=tmp_path / "again", generate=40, reference=tmp_path / "reference")
    pd.testing.assert_frame_equal(table, again, check_exact=True)


def test_samples_run_along_all_levels_from_noise_of_their_own(scan_inputs):
    _, model = scan_inputs
    levels = path(model)
    assert len(levels) == 50 and (levels[0].sigma, levels[-1].sigma) == pytest.approx((10.0, 0.01))
    assert all(before.sigma > after.sigma for before, after in itertools.pairwise(levels))
    keys = ["a", "b", "c"]
    x = sampled(model, keys, None, 0, "cpu")
    torch.testing.assert_close(sampled(model, keys[::-1], None, 0, "cpu"), x.flip(0), rtol=1e-4, atol=1e-4)
    assert (sampled(model, keys, None, 1, "cpu") - x).abs().max() > 0.1
    # 200 of them have the mean and the spread of the model's law, by its own samples
    x = sampled(model, [str(i) for i in range(200)], None, 0, "cpu").flatten(1).double()
    law = model.mixture.sample(4000, torch.Generator().manual_seed(0))
    error = law.std(0) / math.sqrt(200)
    assert ((x.mean(0) - law.mean(0)).abs() < 5 * error).all()
    torch.testing.assert_close(x.std(0), law.std(0), rtol=0.25, atol=0.02)


@given(
    st.lists(st.integers(0, 6), min_size=1, max_size=40),
    st.lists(st.integers(0, 6), min_size=1, max_size=30),
    st.sampled_from([0.05, 0.2, 0.5]),
    st.integers(1, 5),
)
def test_streamed_calibration_is_that_of_detection(scores, null, level, parts):
    """Ties and all: counts of p-values are enough for Benjamini and Hochberg's procedure."""
    values = np.array([float("nan") if each == 6 else float(each) for each in scores])
    calibration = Calibration(np.array(null, dtype=float), level)
    for part in np.array_split(values, parts):
        calibration.count(part)
    found = [calibration.look(part) for part in np.array_split(values, parts)]
    p, q, verdict = (np.concatenate(each) for each in zip(*found, strict=True))
    known = ~np.isnan(values)
    assert verdict.tolist() == detection.verdicts(values, null, level).tolist()
    assert np.isnan(p[~known]).all() and np.isnan(q[~known]).all()
    if known.any():
        np.testing.assert_allclose(p[known], detection.p_values(values[known], null), rtol=1e-12)
        np.testing.assert_allclose(q[known], detection.benjamini_hochberg(p[known]), rtol=1e-12)


def test_half_a_million_keys_have_seeds_of_their_own():
    seeds = {image_seed(str(number), 0) for number in range(100_000)}
    assert len(seeds) == 100_000 and min(seeds) >= 0 and max(seeds) < 2**63
    assert torch.tensor(sorted(seeds), dtype=torch.float64).mean() / 2**62 == pytest.approx(1, abs=0.01)
