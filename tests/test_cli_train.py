"""`plaplace train` as a user runs it: in a process of its own, with files, signals and exit codes."""

import csv
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from typer.testing import CliRunner

from plaplace import networks
from plaplace.cli import app
from plaplace.networks import data
from plaplace.networks.progress import ProgressBar

SMALL = ["--width", "16", "--depth", "1", "--batch-size", "8"]
COMMAND = [sys.executable, "-m", "plaplace.cli", "train"]


def environment():
    return os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "200"}


def train(*arguments):
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, env=environment(), check=False)


@pytest.fixture
def array(tmp_path):
    file = tmp_path / "points.npy"
    np.save(file, np.random.default_rng(0).normal(size=(50, 1, 4, 4)))
    return file


def test_train_on_a_mixture_writes_what_it_says(tmp_path):
    out = tmp_path / "run"
    done = train("--out", out, "--mixture", "triangle", "--steps", 30, "--threads", 1, *SMALL)
    assert done.returncode == 0, done.stderr
    written = [line.removeprefix("wrote ") for line in done.stdout.splitlines() if line.startswith("wrote ")]
    assert sorted(written) == sorted(map(str, out.iterdir()))
    assert networks.load(out).score_function(0.5)(torch.zeros(3, 2)).shape == (3, 2)
    said = networks.describe(out)
    assert (said["recipe"], said["step"], said["seed"]) == ("edm-mlp", 30, 0)
    with (out / "loss.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [int(row["step"]) for row in rows] == list(range(1, 31))


def test_interrupted_and_resumed_ends_as_if_it_had_not_been(array, tmp_path):
    steps = 800  # a second or more: long enough to be caught, short enough to wait for
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    arguments = ["--data", array, "--steps", steps, "--seed", 3, *SMALL]
    assert train("--out", whole, *arguments).returncode == 0
    command = [*COMMAND, "--out", str(broken), *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())
    deadline = time.monotonic() + 300
    while not broken.exists() and time.monotonic() < deadline:
        time.sleep(0.01)  # the folder appears with the first step
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=300)
    assert process.returncode == 128 + signal.SIGTERM, error
    assert "--resume" in error
    assert "Traceback" not in error
    assert 1 <= networks.describe(broken)["step"] < steps
    resumed = train("--out", broken, "--resume")
    assert resumed.returncode == 0, resumed.stderr
    for file in ("network.safetensors", "training.safetensors", "loss.csv"):
        assert (broken / file).read_bytes() == (whole / file).read_bytes(), f"{file} differs"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--data", "ARRAY", "--steps", "0"], 2, "--steps"),
        (["--data", "ARRAY", "--recipe", "edm"], 1, "recipe = 'edm' was given; accepted are 'edm-mlp'"),
    ],
)
def test_bad_input_ends_the_process_with_a_sentence(arguments, code, message, array, tmp_path):
    arguments = [str(array) if each == "ARRAY" else each for each in arguments]
    done = train("--out", tmp_path / "run", *arguments)
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists(), "a refused command leaves nothing behind"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "neither --mixture nor --data was given"),
        (["--mixture", "triangle", "--data", "x.npy"], 2, "were both given"),
        (["--mixture", "square"], 1, "mixture = 'square' was given; accepted are 'triangle'"),
        (["--data", "absent.npy"], 1, "absent.npy does not exist"),
        (["--data", "ARRAY", "--device", "abacus"], 1, "device = 'abacus' was given; here are cpu"),
        (["--resume"], 1, "holds no training (training.safetensors) to resume"),
        (["--mixture", "triangle", "--size", "4"], 2, "--mixture was given with options of images"),
        (["--data", "ARRAY", "--size", "9"], 1, "size = 9 was given for images of shape (1, 4, 4)"),
        (["--data", "ARRAY", "--duplicates", "50"], 1, "duplicates = '50' was given; accepted is 20x50"),
        (["--data", "ARRAY", "--duplicates", "5x9", "--duplicates", "6x9"], 1, "duplicates = '6x9' was given"),
        (["--data", "ARRAY", "--num-train", "51"], 1, "num_train = 51 was given with 0 duplicated images"),
        (["--data", "ARRAY", "--conditional"], 1, "conditional = True was given; "),
        (["--data", "digits", "--recipe", "unet-8", "--width", "8"], 1, "width = 8 was given; the recipe 'unet-8' has"),
    ],
)
def test_bad_input_is_one_sentence(arguments, code, message, array, tmp_path):
    arguments = [str(array) if each == "ARRAY" else each for each in arguments]
    done = CliRunner().invoke(app, ["train", "--out", str(tmp_path / "run"), *arguments])
    assert done.exit_code == code, done.output
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert not (tmp_path / "run").exists(), "a refused command leaves nothing behind"


def test_a_folder_with_a_training_is_neither_overwritten_nor_resumed_as_another(array, tmp_path):
    out = tmp_path / "run"

    def invoke(*arguments):
        return CliRunner().invoke(app, ["train", "--out", str(out), *map(str, arguments)])

    assert invoke("--data", array, "--steps", 3, *SMALL).exit_code == 0
    before = {file.name: file.read_bytes() for file in out.iterdir()}
    for arguments, message in (
        (["--data", array], "holds a training already"),
        (["--resume", "--steps", 9], "num_steps = 9 was given, but the training in"),
        (["--resume", "--recipe", "paper-toy"], "recipe = 'paper-toy' was given, but"),
        (["--resume", "--mixture", "triangle"], "mixture = 'triangle' was given, but"),
    ):
        done = invoke(*arguments)
        assert (done.exit_code, message in done.stderr) == (1, True), done.stderr
    np.save(array, np.random.default_rng(1).normal(size=(50, 1, 4, 4)))
    done = invoke("--resume")
    assert (done.exit_code, "not those the training began with" in done.stderr) == (1, True), done.stderr
    assert before == {file.name: file.read_bytes() for file in out.iterdir()}


@pytest.mark.parametrize("recipe", ["image-mlp", pytest.param("unet-8", marks=pytest.mark.slow)])
def test_digits_with_duplicates_end_to_end_stopped_and_resumed(recipe, tmp_path, monkeypatch):
    arguments = [
        "--data",
        "digits",
        "--num-train",
        "60",
        "--duplicates",
        "2x10",
        "--duplicates",
        "3x2",
        "--conditional",
    ]
    arguments += ["--label-dropout", "0.3", "--recipe", recipe, "--batch-size", "16", "--seed", "5", "--threads", "1"]
    arguments += ["--width", "16"] if recipe == "image-mlp" else []
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    done = CliRunner().invoke(app, ["train", "--out", str(whole), "--steps", "5", *arguments])
    assert done.exit_code == 0, done.stderr
    for name in ("loss.csv", "loss.png", "samples.png", "training-data.json", "validation.csv"):
        assert f"wrote {whole / name}" in done.stdout
    manifest = data.read_manifest(whole)
    assert (manifest.repeated(), len(manifest.held_out), manifest.seed) == ({10: 2, 2: 3, 1: 55}, 1000, 5)
    state = load_file(whole / "training.safetensors")
    assert len(state["order"]) == len(data.rebuild(manifest).points) == 2 * 10 + 3 * 2 + 55
    network = networks.load(whole)
    assert (network.config.num_classes, networks.describe(whole)["training"]["label_dropout"]) == (10, 0.3)
    # stopped after two steps, by the signal a terminal would send
    monkeypatch.setattr(ProgressBar, "show", lambda bar, run, stopped=False: run.step == 2)
    done = CliRunner().invoke(app, ["train", "--out", str(broken), "--steps", "5", *arguments])
    assert (done.exit_code, (broken / "samples.png").exists()) == (130, False), done.stderr
    monkeypatch.undo()
    done = CliRunner().invoke(app, ["train", "--out", str(broken), "--resume", "--duplicates", "2x10,3x2"])
    assert done.exit_code == 0, done.stderr
    for file in sorted(file for file in whole.rglob("*") if file.is_file()):
        assert (broken / file.relative_to(whole)).read_bytes() == file.read_bytes(), f"{file.name} differs"
    done = CliRunner().invoke(app, ["train", "--out", str(broken), "--resume", "--num-train", "61"])
    assert (done.exit_code, "num_train = 61 was given, but" in done.stderr) == (1, True), done.stderr


def test_pictures_of_what_was_trained_on_and_held_out(tmp_path):
    arguments = [
        "train",
        "--out",
        str(tmp_path / "run"),
        "--data",
        "digits",
        "--num-train",
        "30",
        "--duplicates",
        "2x10",
    ]
    done = CliRunner().invoke(app, [*arguments, "--recipe", "image-mlp", "--width", "16", "--steps", "1", "--pictures"])
    assert done.exit_code == 0, done.stderr
    root, manifest = tmp_path / "run" / "pictures", data.read_manifest(tmp_path / "run")
    digits = data.image_set("digits")
    for name, indices in (("training", manifest.indices), ("held-out", manifest.held_out)):
        assert f"wrote {root / name}" in done.stdout
        assert sorted(file.stem for file in (root / name).glob("*.png")) == sorted(f"{i:06d}" for i in indices)
        rows = list(csv.DictReader((root / name / "labels.csv").open(newline="")))
        assert [int(row["label"]) for row in rows] == digits.labels[list(indices)].tolist()
        first = np.asarray(Image.open(root / name / rows[0]["file"]))
        np.testing.assert_allclose(first / 127.5 - 1, digits.points(torch.tensor(indices[:1]))[0, 0], atol=0.5 / 127.5)
    times = {row["file"]: int(row["times"]) for row in csv.DictReader((root / "times.csv").open(newline=""))}
    assert times == {f"training/{i:06d}.png": n for i, n in zip(manifest.indices, manifest.times, strict=True)}
    done = CliRunner().invoke(app, ["train", "--out", str(tmp_path / "no"), "--mixture", "triangle", "--steps", "1",
                                    "--pictures", *SMALL])  # fmt: skip
    assert done.exit_code == 2 and "--pictures was given with --mixture" in done.stderr


def test_version_and_help():
    for arguments, expected in ((["--version"], "plaplace "), (["--help"], "train"), (["train", "--help"], "--resume")):
        done = CliRunner().invoke(app, arguments)
        assert (done.exit_code, expected in done.stdout) == (0, True), done.output


def test_the_command_line_itself_imports_nothing_heavy():
    # what `import plaplace` brings is the package's affair; the command line must add neither matplotlib nor networks
    code = "import plaplace, sys; before = set(sys.modules); import plaplace.cli; print(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    added = {name.split(".")[0] for name in done.stdout.split()} | set(done.stdout.split())
    assert not added & {"torch", "matplotlib", "pandas", "sklearn", "plaplace.networks", "plaplace.compare"}, added
