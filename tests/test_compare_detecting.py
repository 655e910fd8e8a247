"""The measuring stage of the detection part: what is probed, how it is judged, and that a run can be repeated."""

import base64
import gzip
import io
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from plaplace import compare, models
from plaplace.compare import tables
from plaplace.compare.detecting import gallery, judging, stage
from plaplace.compare.detecting.contenders import NOISED_RADIUS, PROBINGS
from plaplace.compare.detecting.controls import any_discovery, control_row
from plaplace.compare.detecting.judging import Judged
from plaplace.compare.detecting.passes import VIEWS, passes
from plaplace.compare.detecting.scoring import Scored, groups_of, neighbour_distance, pass_over, scored
from plaplace.compare.detecting.tables import TABLES, Rows
from plaplace.memorization import detection, statistics
from plaplace.memorization.worlds import WORLDS, Bed

TIMES = {"milliseconds", "seconds"}


def bed(number=6, shape=(4,), score=None, **changes):
    g = torch.Generator().manual_seed(0)
    images = torch.randn(number, *shape, generator=g, dtype=torch.float64)
    model = models.from_score(score or (lambda x, t: -x), shape, models.SigmaLevels(0.01, 10.0))
    level = model.levels.at(sigma=0.5)
    made = Bed(
        "made up", "a bed", 3, 10, model, images, ("a", "b", "c") * (number // 3),
        torch.randn(20, *shape, generator=g, dtype=torch.float64), images[:3], torch.ones(3, dtype=torch.int64),
        level, (level,), {"a / b": (frozenset({"a"}), frozenset({"b"}))},
    )  # fmt: skip
    return replace(made, **changes)


def given(scores, name="flux_1", probing="frame", calls=16, made=None):
    made = made or bed(len(scores))
    return Scored(name, probing, calls, calls, made.level, torch.tensor(scores, dtype=torch.float64), 1.0)


def test_statistics_that_need_the_same_share_a_pass():
    groups = groups_of(["flux_1", "sima", "denoising_loss", "score_norm", "flux_2"])
    assert ["flux_1", "denoising_loss", "flux_2"] in groups
    assert sorted(name for group in groups for name in group) == sorted(
        ["flux_1", "sima", "denoising_loss", "score_norm", "flux_2"]
    )


def test_calls_are_counted_and_fewer_directions_are_the_first_ones():
    made = bed()
    found = {(each.statistic, each.number): each for each in scored(
        made, PROBINGS["iid"], made.level, 16, ("flux_1", "sima"), (4,)
    )}  # fmt: skip
    assert {key: each.calls for key, each in found.items()} == {("flux_1", 16): 16, ("flux_1", 4): 4, ("sima", 0): 1}
    probes, _ = pass_over(made, PROBINGS["iid"], made.level, 16, ["flux_1"])
    torch.testing.assert_close(found["flux_1", 4].scores, statistics["flux_1"](probes.first(4)), rtol=0, atol=0)


def test_the_noised_rival_is_centred_on_one_noised_copy_with_its_own_radius():
    seen = []
    made = bed(score=lambda x, t: seen.append(x) or -x)
    pass_over(made, PROBINGS["noised iid"], made.level, 500)
    at = seen[0].reshape(6, 500, 4)
    centre = at.mean(1)
    away = (at - centre[:, None]).norm(dim=-1)
    radius = NOISED_RADIUS * made.level.alpha * neighbour_distance(made.training)
    assert away.mean() == pytest.approx(radius, rel=0.05)
    noise = (centre - made.level.alpha * made.images) / made.level.sigma
    assert 0.3 < float(noise.std()) < 2  # a copy with the level's noise, the same for every direction


def test_neighbour_distance_is_the_median():
    points = torch.tensor([[0.0], [1.0], [3.0], [7.0]])
    assert neighbour_distance(points) == pytest.approx(np.median([1, 1, 2, 4]), abs=0.51)  # torch takes the lower one


def test_a_task_takes_its_own_groups_and_leaves_out_what_has_no_score():
    made = bed()
    scores = given([1.0, 2.0, 3.0, math.nan, 5.0, 6.0], made=made)
    ((values, labels),) = judging.pairs_of(Judged("main", [made], [scores]), "a / b")
    assert values.tolist() == [1.0, 2.0, 5.0] and labels.tolist() == [True, False, False]


def test_a_row_says_what_evaluate_says():
    made = bed(300)
    g = torch.Generator().manual_seed(1)
    scores = torch.randn(300, generator=g, dtype=torch.float64)
    scores[0::3] += 1.5
    judged = Judged("main", [made], [given(scores.tolist(), made=made)])
    row = judging.detection_row(judged, "a / b", True, "r")
    assert set(row) == set(tables.COLUMNS["detection.csv"])
    ((values, labels),) = judging.pairs_of(judged, "a / b")
    found = detection.evaluate(values, labels, num_bootstrap=200)
    assert row["auc"] == found.auc.value and row["auc_low"] == found.auc.low
    assert row["tpr_1"] == found.tpr[0.01].value and row["tpr_01"] is None
    assert (row["positives"], row["negatives"], row["seeds"]) == (100, 100, 1)


def test_paired_rows_have_the_sign_of_the_difference_and_the_same_images():
    made = bed(300)
    g = torch.Generator().manual_seed(1)
    worse = torch.randn(300, generator=g, dtype=torch.float64)
    better = worse.clone()
    better[0::3] += 2.0
    better[1] = math.nan  # left out for both
    ours, rival = (Judged("main", [made], [given(each.tolist(), made=made)]) for each in (better, worse))
    rows = {row["measure"]: row for row in judging.paired_rows(ours, rival, "a / b", True, "r")}
    assert set(rows) == {"auc", "tpr_1"} and set(rows["auc"]) == set(tables.COLUMNS["paired.csv"])
    assert rows["auc"]["low"] > 0.2 and rows["auc"]["p_value"] < 1e-6
    assert rows["auc"]["difference"] == pytest.approx(rows["auc"]["ours_value"] - rows["auc"]["rival_value"])
    assert rows["auc"]["ours"] == "flux_1, frame, 16"


def test_roc_rows_never_exceed_the_false_positive_rate():
    made = bed(300)
    scores = torch.arange(300, dtype=torch.float64)
    judged = Judged("main", [made], [given(scores.tolist(), made=made)])
    ((values, labels),) = judging.pairs_of(judged, "a / b")
    for row in judging.roc_rows(judged, "a / b", "r"):
        best = max(
            (values[labels] >= cut).mean() for cut in [*values, np.inf] if (values[~labels] >= cut).mean() <= row["fpr"]
        )
        assert row["tpr"] == pytest.approx(best)


def test_a_task_without_positives_has_no_row():
    made = bed()
    scores = given([math.nan, 1.0, 2.0, math.nan, 3.0, 4.0], made=made)
    judged = Judged("main", [made], [scores])
    assert judging.detection_row(judged, "a / b", True, "r") is None
    assert judging.roc_rows(judged, "a / b", "r") == []
    assert judging.paired_rows(judged, judged, "a / b", True, "r") == []


def with_null(scores, null, made):
    return replace(given(scores.tolist(), made=made), null=null)


def test_discoveries_are_counted_and_false_ones_are_those_of_the_negative_group():
    made = bed(30)
    scores = torch.zeros(30, dtype=torch.float64)
    scores[0::3] = 10.0  # "a": all found
    scores[1] = 11.0  # one of "b": falsely
    null = torch.linspace(-1, 1, 999, dtype=torch.float64)
    row = control_row(made, with_null(scores, null, made), "a / b", False, "r")
    assert set(row) == set(tables.COLUMNS["controls.csv"])
    assert (row["tests"], row["null"], row["discoveries"], row["false_discoveries"]) == (20, 999, 11, 1)
    assert row["expected"] is None
    null[3] = math.nan  # left out, and so is the image without a score
    scores[3] = math.nan
    row = control_row(made, with_null(scores, null, made), "a / b", False, "r")
    assert (row["tests"], row["null"], row["discoveries"]) == (19, 998, 10)


def test_a_null_too_small_to_find_even_all_is_no_row():
    made = bed(30)
    scores = torch.zeros(30, dtype=torch.float64)
    null = torch.linspace(-1, 1, 19, dtype=torch.float64)  # 20 tests / (20 * 0.05): all 20 would have to be above it
    assert control_row(made, with_null(scores, null, made), "a / b", False, "r") is None


def test_a_control_is_tested_where_the_procedure_has_its_level():
    made = bed(600)
    scores = torch.zeros(600, dtype=torch.float64)
    null = torch.linspace(-1, 1, 5000, dtype=torch.float64)
    row = control_row(made, with_null(scores, null, made), "a / b", True, "r")
    assert (row["tests"], row["null"]) == (200, 3999)
    assert row["expected"] == pytest.approx(0.05, abs=0.011)


def test_chance_of_a_discovery_among_exchangeable_scores():
    # one test: a discovery is p <= 0.05, rank 1 to 5 of 100
    assert any_discovery(1, 99) == pytest.approx(0.05, abs=0.011)
    assert any_discovery(50, 9) == 0.0  # the least p-value is 0.1
    assert any_discovery(20, 400) <= 0.061


def test_pictures_of_the_gallery_are_the_ones_that_rank_highest():
    shape = (1, 3, 3)
    made = bed(30, shape)
    made = replace(made, model=models.from_score(lambda x, t: -x, shape, models.SigmaLevels(0.01, 10.0),
                                                 space=models.ImageSpace(1, (3, 3))))  # fmt: skip
    scores = torch.arange(30, dtype=torch.float64)
    scores[29] = math.nan
    rows = gallery.gallery_rows(made, scores, "profile", "r")
    assert [row["score"] for row in rows] == [float(28 - i) for i in range(10)]
    assert set(rows[0]) == set(tables.COLUMNS["gallery.csv"])
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(rows[0]["image"]))))
    want = made.model.decode(made.images[28:29])[0, 0]
    assert np.abs(shown / 255 - want.numpy()).max() <= 1 / 255
    assert gallery.gallery_rows(bed(30), scores, "profile", "r") == []


@pytest.mark.parametrize("name", ["memorizer", "membership"])
def test_every_view_is_measured_with_the_detector_and_the_rivals(name):
    made = next(WORLDS[name].build(0, True))
    found = passes(made, True, True, True, False)
    assert set(found) == set(VIEWS)
    names = {(each.statistic, each.probing) for each in found["main"]}
    assert {("profile", "frame"), ("flux_1", "noised iid"), ("denoising_loss", "iid")} <= names
    assert (("exact_1", "exact") in names) == (name == "memorizer")
    assert (("flux_1", "noised iid at its own level") in names) == (name == "membership")
    assert all(each.calls <= 16 for each in found["main"] if each.statistic == "profile")
    assert {each.calls for each in found["calls"] if each.probing == "frame"} >= {2, 4, 8, 16}
    assert all(each.null is not None for each in found["control"])
    on_the_way = passes(made, True, True, False, False)
    assert [view for view in VIEWS if on_the_way[view]] == (["onset"] if made.step else [])
    control = passes(made, True, True, True, True)
    assert [view for view in VIEWS if control[view]] == ["main", "control"]


def rows_of(names, jobs, tmp_path):
    folder = tmp_path / f"{jobs}"
    folder.mkdir()
    notes = []
    stage.measure(folder, True, names, "r", lambda *a: None, lambda *a: notes.append(a), jobs=jobs)
    assert sorted(note[0] for note in notes) == sorted(names)
    data = {name: (folder / name).read_bytes() for name in TABLES}
    plain = {name: gzip.decompress(each) if name.endswith(".gz") else each for name, each in data.items()}
    return {name: each.decode().splitlines() for name, each in plain.items()}


@pytest.mark.slow
def test_two_processes_give_the_rows_of_one(tmp_path):
    one, two = (rows_of(["membership", "memorizer"], jobs, tmp_path) for jobs in (1, 2))
    for name in TABLES:
        columns = one[name][0].split(",")
        kept = [i for i, column in enumerate(columns) if column not in TIMES]
        if name == "worlds.csv":  # a column with commas inside
            assert len(one[name]) == len(two[name])
            continue
        pick = [[[line.split(",")[i] for i in kept] for line in each[name]] for each in (one, two)]
        assert pick[0] == pick[1]


def test_a_world_without_its_data_is_skipped_or_an_error(tmp_path, monkeypatch):
    def missing(seed, quick, progress):
        raise FileNotFoundError("no pictures; make emoji")
        yield

    monkeypatch.setitem(WORLDS, "memorizer", replace(WORLDS["memorizer"], beds=missing))
    notes = []
    stage.measure(tmp_path, True, ["memorizer"], "r", lambda *a: None, lambda *a: notes.append(a), required=False)
    assert notes[0][0] == "memorizer" and notes[0][2] == "no pictures; make emoji"
    with pytest.raises(FileNotFoundError, match="make emoji"):
        stage.measure(tmp_path, True, ["memorizer"], "r", lambda *a: None, lambda *a: None)


def test_unknown_worlds_and_no_jobs_are_sentences(tmp_path):
    with pytest.raises(ValueError, match="world = 'moon' was given; accepted are 'memorizer'"):
        compare.run(tmp_path, True, worlds=["moon"])
    with pytest.raises(ValueError, match="jobs = 0 was given"):
        compare.run(tmp_path, True, worlds=["memorizer"], jobs=0)


def test_rows_are_kept_in_the_order_of_the_worlds():
    rows = Rows("r", True)
    rows.add("roc.csv.gz", [{"a": 1}, None])
    rows.extend({"roc.csv.gz": [{"a": 2}]})
    assert rows.rows["roc.csv.gz"] == [{"a": 1}, {"a": 2}]
