"""`plaplace scan` as a user runs it: in processes of its own, with files, exit codes, several at a time."""

import json
import os
import re
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

from plaplace import networks
from plaplace.cli import app
from tests.scan_models import pixels, write_folder

COMMAND = [sys.executable, "-m", "plaplace.cli", "scan"]


def environment(**more):
    return os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "200"} | more


def scan(*arguments, **more):
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment(**more), check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small network with random weights, 100 pictures and 60 for reference."""
    root = tmp_path_factory.mktemp("scan")
    network = networks.Denoiser(networks.DenoiserConfig((1, 4, 4), width=16, depth=1), seed=0)
    torch.nn.init.normal_(next(reversed(list(network.parameters()))), std=0.1)
    networks.save(network, root / "model")
    write_folder(root / "images", pixels(100, 0))
    np.save(root / "reference.npy", pixels(60, 1))
    return root


@pytest.fixture(scope="module")
def whole(folder):
    out = folder / "whole"
    done = scan(*asked(folder, out))
    assert done.returncode == 0, done.stderr
    return out, done


def asked(folder, out, *more):
    return ["--model", folder / "model", "--images", folder / "images", "--reference", folder / "reference.npy",
            "--out", out, "--batch-size", 8, *more]  # fmt: skip


def test_scan_writes_what_it_says(folder, whole):
    out, done = whole
    said = [line.removeprefix("wrote ") for line in done.stdout.splitlines() if line.startswith("wrote ")]
    assert said == [str(out / "scores.parquet"), str(out / "report.html")]
    assert re.search(r"160 images, 16 network calls and .* ms each: about .* on one worker; a million", done.stderr)
    table = pd.read_parquet(out / "scores.parquet")
    assert table["index"].tolist() == list(range(100)) and (table.reason == "").all()
    assert "100 images" in done.stdout or re.search(r"of 100 images are memorized", done.stdout)
    assert "<html" in (out / "report.html").read_text()
    manifest = json.loads((out / "scan.json").read_text())
    assert manifest["counts"] == {"fit": 15, "reference": 45, "images": 100} and len(manifest["sessions"]) == 1
    assert not list(out.rglob("*.partial*"))


def test_processes_of_torchrun_give_the_same_rows(folder, whole):
    out = folder / "ranks"
    command = [*COMMAND, *map(str, asked(folder, out))]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    ranks = [subprocess.Popen(command, env=environment(RANK=rank, WORLD_SIZE="2"), **pipes) for rank in ("1", "0")]
    said = [each.communicate(timeout=120) for each in ranks]
    assert [each.returncode for each in ranks] == [0, 0], said
    assert said[0][0] == "" and "scores.parquet" in said[1][0]
    same(out, whole[0])


def test_missing_parts_are_measured_again_to_the_bit(folder, whole):
    out = folder / "broken"
    assert scan(*asked(folder, out)).returncode == 0
    parts = sorted((out / "parts").iterdir())
    assert len(parts) >= 8
    parts[0].unlink()
    parts[1].write_bytes(parts[1].read_bytes()[:200])
    flipped = bytearray(parts[-1].read_bytes())
    flipped[len(flipped) // 4] ^= 0xFF
    parts[-1].write_bytes(flipped)
    (out / "parts" / "images-000000.parquet.partial-12").write_bytes(b"left by a killed process")
    done = scan(*asked(folder, out, "--resume"))
    assert done.returncode == 0, done.stderr
    same(out, whole[0])
    assert not list(out.rglob("*.partial*"))


def same(out, whole):
    found, expected = (pd.read_parquet(each / "scores.parquet") for each in (out, whole))
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ([], "holds a scan already"),
        (["--resume", "--seed", "1"], "settings.seed was 0 and is 1"),
        (["--device", "cuda:7"], "device = 'cuda:7'"),
        (["--levels", "a"], "levels = 'a'"),
        (["--dtype", "int8", "--resume"], "dtype = 'int8'"),
    ],
)
def test_errors_are_a_sentence(folder, whole, more, text):
    before = signal.getsignal(signal.SIGINT)
    done = CliRunner().invoke(app, ["scan", *map(str, asked(folder, whole[0], *more))])
    assert done.exit_code == 1 and text in done.stderr and "Traceback" not in done.stderr
    assert signal.getsignal(signal.SIGINT) is before


def test_unreadable_images_show_in_the_exit_code(folder, tmp_path):
    images = write_folder(tmp_path / "images", pixels(20, 0))
    (images / "bad.png").write_bytes(b"PNG?")
    done = CliRunner().invoke(app, ["scan", *map(str, asked(folder, tmp_path / "out", "--images", images))])
    assert done.exit_code == 3 and "1 could not be read or scored" in done.stdout


def test_an_estimate_leaves_nothing_behind(folder, tmp_path):
    done = CliRunner().invoke(app, ["scan", *map(str, asked(folder, tmp_path / "out", "--estimate"))])
    assert done.exit_code == 0 and "160 images, 16 network calls" in done.stdout
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_images(folder, tmp_path):
    """Peak resident memory of 100,000 images beside 1,000, each in a process of its own."""
    code = (
        "import resource, sys; from pathlib import Path; from plaplace.scan.run import scan\n"
        "from plaplace.scan.options import Options; folder = Path(sys.argv[1])\n"
        "places = folder / 'model', sys.argv[2], Path(sys.argv[3]), folder / 'reference.npy'\n"
        "scan(Options(*places, calls=2, batch_size=500))\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    )
    peaks = []
    for number in (1_000, 100_000):
        file = tmp_path / f"{number}.npy"
        np.save(file, np.tile(pixels(1000, 5), (number // 1000, 1, 1)))
        command = [sys.executable, "-c", code, str(folder), str(file), str(tmp_path / str(number))]
        done = subprocess.run(command, capture_output=True, text=True, env=environment(), check=False, timeout=600)
        assert done.returncode == 0, done.stderr
        peaks.append(float(done.stdout.split()[-1]))
        assert len(pd.read_parquet(tmp_path / str(number) / "scores.parquet", columns=["key"])) == number
    # MiB, batches being the same; their entries alone, kept, would be 100,000 times some 400 bytes
    assert peaks[1] - peaks[0] < 35, peaks
