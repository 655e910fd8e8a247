"""How a scan begins, ends, is taken up again, and what it refuses."""

import json
import math
import os
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from plaplace import scan
from plaplace.scan.options import Options
from plaplace.scan.ranks import Ranks
from plaplace.scan.run import estimated
from plaplace.scan.run import scan as run_scan
from plaplace.scan.setup import alone
from tests.scan_models import Broken, exact, pixels, write_folder


def test_rows_of_another_cut_are_not_taken_for_those_of_this_one(scan_inputs, scanned, tmp_path, monkeypatch):
    """Parts left by a scan whose manifest is gone, cut into shards of another size."""
    folder, model = scan_inputs
    for size in (16, 6):
        monkeypatch.setattr("plaplace.scan.setup.shard_size", lambda *_, size=size: size)
        (tmp_path / "scan" / "scan.json").unlink(missing_ok=True)
        again = scan.run(model, folder / "images", tmp_path / "scan", reference=folder / "reference", seed=3)
        pd.testing.assert_frame_equal(again, scanned[1], check_exact=True)


def test_what_was_measured_before_does_not_count_as_speed(scan_inputs, scanned, tmp_path):
    folder, model = scan_inputs
    out = tmp_path / "scan"
    options = Options(model, folder / "images", out, folder / "reference", seed=3)
    first = run_scan(options).findings
    again = run_scan(replace(options, resume=True)).findings
    assert first.rate > 0 and math.isnan(again.rate)  # nothing was left to measure
    assert [each["images"] for each in json.loads((out / "scan.json").read_text())["sessions"]] == [372, 0]


def test_a_reference_that_cannot_be_fitted_is_told_at_once_and_why(tmp_path):
    model, _, others, reference = exact(kind=Broken)
    write_folder(tmp_path / "images", others)
    bright = reference.copy()
    bright[:, 0, 0] = 255
    write_folder(tmp_path / "reference", bright)
    with pytest.raises(ValueError, match=r"0 of 75 reference images have a finite score; .* answer is not finite"):
        scan.run(model, tmp_path / "images", tmp_path / "scan", reference=tmp_path / "reference")
    assert not list((tmp_path / "scan" / "parts").glob("images-*"))


def test_places_that_would_mix_with_the_images_are_refused_and_overlap_is_told(scan_inputs, tmp_path):
    folder, model = scan_inputs
    for out in (folder / "images", folder / "images" / "scan"):
        with pytest.raises(ValueError, match="lies in images"):
            scan.run(model, folder / "images", out)
    assert not (folder / "images" / "scan").exists()
    with pytest.raises(ValueError, match="it is a file"):
        scan.run(model, folder / "images", folder / "images" / "0000.png")
    with pytest.raises(
        ValueError, match=r"every image of .* has name, size and time of change of one of the reference"
    ):
        scan.run(model, folder / "reference", tmp_path / "no", reference=folder / "reference")
    mixed = shutil.copytree(folder / "reference", tmp_path / "mixed")
    shutil.copy(folder / "images" / "0000.png", mixed / "other.png")
    notes = run_scan(Options(model, mixed, tmp_path / "scan", folder / "reference")).findings.notes
    assert any(
        note.startswith("300 images have name, size and time of change of one of the reference") for note in notes
    )


def test_rows_of_two_arrays_are_not_the_same_images_for_being_called_alike(scan_inputs, tmp_path):
    _, model = scan_inputs
    for name, seed in (("images", 4), ("reference", 5)):
        np.save(tmp_path / f"{name}.npy", pixels(40, seed))
    notes = run_scan(
        Options(model, tmp_path / "images.npy", tmp_path / "scan", tmp_path / "reference.npy")
    ).findings.notes
    assert not any("time of change" in note for note in notes)


def test_a_touched_image_is_another_image(scan_inputs, tmp_path):
    folder, model = scan_inputs
    shutil.copytree(folder / "images", tmp_path / "images")
    scan.run(model, tmp_path / "images", tmp_path / "scan")
    os.utime(tmp_path / "images" / "0003.png", (0, 0))
    with pytest.raises(ValueError, match=r"inputs\.images\.sha256 was"):
        scan.run(model, tmp_path / "images", tmp_path / "scan", resume=True)


def test_one_process_a_folder(scan_inputs, tmp_path):
    folder, model = scan_inputs
    with alone(tmp_path / "scan", Ranks()), pytest.raises(ValueError, match="another process scans to"):
        scan.run(model, folder / "images", tmp_path / "scan")
    assert len(scan.run(model, folder / "images", tmp_path / "scan")) == 72  # the lock goes with its holder


def test_an_estimate_of_samples_draws_a_few(scan_inputs):
    folder, model = scan_inputs
    before = model.calls
    found = estimated(Options(model, None, folder / "never", folder / "reference", generate=10_000))
    assert found.images == 10_300 and found.drawing > 0
    assert model.calls - before < 32 * 50 + 16 * 200
    assert not (folder / "never").exists()


def test_a_finished_scan_resumes_to_the_same_and_other_settings_are_told(scan_inputs, scanned, tmp_path):
    write_folder(tmp_path / "few", pixels(30, 9))
    folder, model = scan_inputs
    out, table = scanned
    arguments = {"reference": folder / "reference", "resume": True}
    again = scan.run(model, folder / "images", out, seed=3, fdr=0.2, **arguments)  # the rate may change
    assert (again.verdict == "memorized").sum() >= (table.verdict == "memorized").sum()
    scan.run(model, folder / "images", out, seed=3, **arguments)
    with pytest.raises(ValueError, match=r"another configuration: settings\.seed was 3 and is 4"):
        scan.run(model, folder / "images", out, seed=4, **arguments)
    with pytest.raises(ValueError, match=r"settings\.calls was 16 and is 32"):
        scan.run(model, folder / "images", out, seed=3, calls=32, **arguments)
    with pytest.raises(ValueError, match=r"inputs\.images\.count was 72 and is 30"):
        scan.run(model, tmp_path / "few", out, seed=3, **arguments)
    with pytest.raises(ValueError, match="holds a scan already"):
        scan.run(model, folder / "images", out, seed=3)
    fresh = scan.run(model, folder / "images", folder / "nowhere", seed=3, **arguments)  # begins where there is none
    pd.testing.assert_frame_equal(fresh, table, check_exact=True)
    assert len(list((out / "index").iterdir())) == 3  # a refused resume leaves the listings as they were


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"images": None}, "neither images nor generate"),
        ({"generate": 4}, "both images and generate"),
        ({"engine": "spark"}, "engine = 'spark'"),
        ({"workers": 2}, "workers = 2"),
        ({"fdr": 0.0}, "fdr = 0.0"),
        ({"calls": 3}, "calls = 3"),
        ({"tolerance": 0.1, "reference": None}, "tolerance was given"),
        ({"tolerance": -1.0}, "tolerance = -1.0"),
        ({"tolerance": 0.1, "calls": 8}, "tolerance was given with calls = 8"),
        ({"statistics": ["flux"]}, "statistics = 'flux'"),
        ({"statistics": ["wen"]}, "needs captions or labels"),
        ({"statistics": ["nearest_neighbour"]}, "needs the training data"),
        ({"levels": [100.0]}, "trained on levels"),
        ({"levels": [0.1, 0.1]}, "levels = 0.1, 0.1"),
        ({"levels": []}, "no levels"),
        ({"tolerance": float("inf")}, "tolerance = inf"),
        ({"reference": "few"}, "accepted are 20 or more"),
        ({"images": "nothing"}, "nothing"),
        ({"prompts": "prompts.txt"}, "prompts were given without generate"),
    ],
)
def test_bad_input_is_a_sentence(scan_inputs, tmp_path, given, text):
    folder, model = scan_inputs
    write_folder(tmp_path / "few", pixels(5, 0))
    asked = {"images": folder / "images", "reference": folder / "reference"} | given
    asked = {k: tmp_path / v if k in ("images", "reference") and isinstance(v, str) else v for k, v in asked.items()}
    with pytest.raises((ValueError, FileNotFoundError), match=text):
        scan.run(model, asked.pop("images"), tmp_path / "scan", **asked)
    assert not (tmp_path / "scan" / "scan.json").exists()
